"""Several processes of one training, launched as `torchrun` does, but in a second.

They are forked from a server that has imported torch and started no thread, so the functions that
they run must be importable: those are here, too.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time

_SERVER = multiprocessing.get_context("forkserver") if os.name == "posix" else None


def launch(count, function, *arguments, dies=None):
    """Run a function in the main process of several; the others work for it.

    Args:
        count: Number of processes.
        function: What to run.
        arguments: Its arguments.
        dies: A worker that is killed in its sixth step; None: none.

    Returns:
        What it returned or raised, and the exit codes of all by rank.
    """
    _SERVER.set_forkserver_preload(["launched", "wave_network.training.torch_worker"])
    port = free_port()
    receiver, sender = _SERVER.Pipe(duplex=False)
    started = [
        _SERVER.Process(
            target=_run, args=(rank, count, port, sender, function, arguments, rank == dies)
        )
        for rank in range(count)
    ]
    for process in started:
        process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        answer = None
    for process in started:
        process.join(timeout=60)
        process.kill()
    return answer, [process.exitcode for process in started]


def _run(rank, count, port, sender, function, arguments, dies):
    from wave_network.training.processes import ProcessLostError, leading
    from wave_network.training.torch_worker import work

    _join(rank, count, port)
    if dies:
        _die_in_a_step(5)
    try:
        if rank:
            sender.close()
            work()
            return
        with leading():
            answer = function(*arguments)
    except ProcessLostError as error:
        if rank:
            sys.exit(1)
        answer = error
    sender.send(answer)


def trained(shape, training, validation, config, folder=None, stop_after=None):
    """Train a new network, here or in several processes: its weights, its result, what was shown.

    Args:
        shape: The network's configuration.
        training: Packed texts.
        validation: Packed texts.
        config: How to train.
        folder: Where to write a checkpoint after a stop, and to go on from one.
        stop_after: Request a stop after so many steps.
    """
    from wave_network.models.registry import build_model
    from wave_network.training.callbacks import Progress
    from wave_network.training.checkpoint import Checkpoints
    from wave_network.training.interrupt import StopSignal
    from wave_network.training.loop import train
    from wave_network.training.torch_model import TorchModel

    stop, seen = StopSignal(), []

    class Watcher(Progress):
        def step(self, loss):
            seen.append(loss)
            if len(seen) == stop_after:
                stop.request()

    model = TorchModel(build_model(shape, 0))
    checkpoints = None if folder is None else Checkpoints(folder, 1e9)
    try:
        result = train(
            model, training, validation, config, Watcher(), stop=stop, checkpoints=checkpoints
        )
    except KeyboardInterrupt:
        return None
    return model.tensors, result, seen


def _die_in_a_step(steps):
    """Let this process be killed in a step, after others."""
    from wave_network.training.torch_replica import Replica

    taken, take = [], Replica.take

    def last(replica, share):
        taken.append(share)
        if len(taken) > steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return take(replica, share)

    Replica.take = last


def launch_command(count, arguments, folder, terminates_after=None):
    """Run the command line in several processes.

    Args:
        count: Number of processes.
        arguments: Those of the command.
        folder: For what they write.
        terminates_after: SIGTERM is sent to all when the first has said this.

    Returns:
        The exit codes, what each wrote on stdout, and on stderr, by rank.
    """
    _SERVER.set_forkserver_preload(["launched", "wave_network.training.torch_worker"])
    port = free_port()
    started = [
        _SERVER.Process(target=_run_command, args=(rank, count, port, arguments, str(folder)))
        for rank in range(count)
    ]
    for process in started:
        process.start()
    if terminates_after is not None:
        while terminates_after not in _written(folder / "0.err") and started[0].is_alive():
            time.sleep(0.02)
        for process in started:
            process.terminate()
    for process in started:
        process.join(timeout=120)
        process.kill()
    texts = [
        [_written(folder / f"{rank}.{stream}") for rank in range(count)]
        for stream in ("out", "err")
    ]
    return [process.exitcode for process in started], *texts


def _written(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _run_command(rank, count, port, arguments, folder):
    _join(rank, count, port)
    for number, stream in ((1, "out"), (2, "err")):
        opened = os.open(
            os.path.join(folder, f"{rank}.{stream}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        )
        os.dup2(opened, number)
    from wave_network.cli import main

    sys.argv = ["wave-network", *arguments]
    main()


def _join(rank, count, port):
    """Set what a launcher does."""
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        OMP_NUM_THREADS="1",
    )


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
