"""`python -m wave_network`."""

from wave_network.cli import main

if __name__ == "__main__":
    main()
