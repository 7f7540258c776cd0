"""What a stack and the program that has databases follow git have in common."""

# What the exit code is the sum of.
LEFT = 10  # what was left on the branch was put in place
MADE = 20  # what the branch makes was put in place
LATER = 40  # a server does not answer yet


def has(status: int, part: int) -> bool:
    """Tell whether a part is in an exit code, if that is a sum of these."""
    is_sum = status in range(LEFT, LEFT + MADE + LATER + 1, LEFT)
    return is_sum and bool(status // LEFT & part // LEFT)
