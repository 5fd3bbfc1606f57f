"""What the data do not allow to be measured, and why."""

from collections.abc import Callable, Sequence

from tfgen.errors import NotMeasurable


class Absent:
    """Collects the metrics that cannot be had.

    Attributes: reasons, {metric: why not}.
    """

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def because(self, why: str, *names: str) -> None:
        """Leaves metrics out for a reason."""
        self.reasons |= dict.fromkeys(names, why)

    def unless(
        self, names: Sequence[str], measure: Callable[[], Sequence[float]]
    ) -> dict[str, float]:
        """{name: number} of what `measure` gives; {} where it raises `NotMeasurable`."""
        try:
            return dict(zip(names, measure(), strict=True))
        except NotMeasurable as error:
            self.because(str(error), *names)
            return {}
