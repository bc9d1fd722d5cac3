from pathlib import Path

import pytest

from tests.unit.training.finetune.tiny import write_base


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "tiny-falcon")
