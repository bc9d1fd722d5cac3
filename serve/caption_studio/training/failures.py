"""What ends a training, each in one sentence for the user."""


class Refused(ValueError):
    """Nothing was begun: the input, or this machine, does not allow it."""


class Interrupted(RuntimeError):
    """Begun and not finished; what was done is kept.

    `can_resume` is false where going on would come to the same end.
    """

    def __init__(self, message: str, *, can_resume: bool = True) -> None:
        super().__init__(message)
        self.can_resume = can_resume
