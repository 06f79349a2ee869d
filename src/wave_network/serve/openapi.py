from wave_network.serve.limits import Limits
def description(limits: Limits) -> dict[str, object]:
    return {}
