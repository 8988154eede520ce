"""`python -m toonctl`."""

from toonctl.cli import main

if __name__ == "__main__":
    main()
