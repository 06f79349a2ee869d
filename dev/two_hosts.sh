#!/usr/bin/env bash
# Train on two hosts, as far as the network can tell: two network namespaces with an Ethernet link
# between them. Compare with one process; then kill the second host in a training:
# dev/two_hosts.sh PYTHON. It needs Linux, root and iproute2, and says so where they are missing.
set -euo pipefail
python=$(realpath --no-symlinks "$1")
first=wave-network-a second=wave-network-b port=29517
folder=$(mktemp -d)

end() {
    ip netns delete "$first" 2>/dev/null || true
    ip netns delete "$second" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT
if ! ip netns add "$first" 2>"$folder/why"; then
    echo "skipped: no network namespaces here ($(cat "$folder/why"))"
    exit 0
fi
ip netns add "$second"
ip link add link-a netns "$first" type veth peer name link-b netns "$second"
ip -n "$first" address add 10.77.0.1/24 dev link-a
ip -n "$second" address add 10.77.0.2/24 dev link-b
for side in "$first link-a" "$second link-b"; do
    read -r name link <<<"$side"
    ip -n "$name" link set lo up
    ip -n "$name" link set "$link" up
done

cat >"$folder/settings.json" <<'JSON'
{"preset": "paper", "hidden_size": 32, "max_length": 64, "vocab_size": 2000, "epochs": 2}
JSON
options=(train sample --config "$folder/settings.json" --device cpu)

# Run a host's process; only the first host has the settings and writes the output.
on_host() {
    local name=$1 link=$2 rank=$3
    shift 3
    ip netns exec "$name" env GLOO_SOCKET_IFNAME="$link" OMP_NUM_THREADS=1 "$python" \
        -m torch.distributed.run --nnodes 2 --nproc-per-node 1 --node-rank "$rank" \
        --master-addr 10.77.0.1 --master-port "$port" --module wave_network "$@"
}

"$python" -m wave_network "${options[@]}" --output "$folder/alone" >/dev/null 2>&1
on_host "$second" link-b 1 train >"$folder/second.out" 2>"$folder/second.err" &
on_host "$first" link-a 0 "${options[@]}" --output "$folder/both" >/dev/null
wait $!
if [[ -s $folder/second.out ]]; then
    echo "the second host wrote on stdout:" && cat "$folder/second.out" && exit 1
fi
"$python" - "$folder" <<'PYTHON'
import sys
from safetensors.numpy import load_file

alone, both = (load_file(f"{sys.argv[1]}/{name}/model.safetensors") for name in ("alone", "both"))
difference = max(abs(alone[name] - both[name]).max() for name in alone)
print(f"two hosts and one process: weights differ by {difference:.1e} at most")
sys.exit(int(difference > 1e-6))
PYTHON

on_host "$second" link-b 1 train >/dev/null 2>&1 &
other=$!
code=0
touch "$folder/first.err"
{
    until grep -q "^epoch 1/" "$folder/first.err"; do sleep 0.2; done
    ip netns pids "$second" | xargs -r kill -9
} &
on_host "$first" link-a 0 "${options[@]}" --epochs 100000 --output "$folder/lost" \
    2>"$folder/first.err" >/dev/null || code=$?
wait "$other" 2>/dev/null || true
grep "^wave-network: another process of this training was lost" "$folder/first.err"
[[ $code != 0 && ! -e $folder/lost ]]
echo "the second host killed: the first one ended with one line, and wrote nothing"
