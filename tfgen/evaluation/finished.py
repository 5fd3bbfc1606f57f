"""What evaluation, analysis, reports and exports ask of a finished run; `tfgen.run.Run` is one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from tfgen.data.source import ImageData, Source
    from tfgen.model import GenerativeModel
    from tfgen.run_dir import RunDir


class FinishedRun(Protocol):
    """A run on a floor below its own: see `tfgen.run.Run`, which says what each member is."""

    dir: "RunDir"
    outputs: "RunDir"
    path: Path
    name: str
    config: dict[str, Any]

    @property
    def model(self) -> "GenerativeModel": ...

    def finds_data(self, without: str) -> bool: ...

    @property
    def source(self) -> "Source": ...

    @property
    def training(self) -> "ImageData": ...

    @property
    def validation(self) -> "ImageData": ...

    @property
    def test(self) -> str: ...

    def images(self, arrays: dict[str, "np.ndarray"]) -> "np.ndarray": ...

    def warn_of_unreached(self) -> None: ...
