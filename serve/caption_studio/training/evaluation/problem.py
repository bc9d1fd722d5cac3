"""What ends an evaluation."""


class EvaluationProblem(Exception):
    """The evaluation cannot be made; `str` of it is one sentence for the user."""
