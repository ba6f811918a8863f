"""``python -m cohort_core.cli``."""

from cohort_core.cli import main

if __name__ == "__main__":
    main()
