"""The image of the Dockerfile, built once a session, and containers of it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image.build import Buildah
from tests.image.container import Container
from tests.services import ROOT


@pytest.fixture(scope="session")
def buildah() -> Buildah:
    """buildah with the image built; what can be used again is kept in .image/."""
    if os.geteuid() != 0:
        pytest.fail("Images are unpacked and mounted here, as root: sudo make image-test")
    tool = Buildah(ROOT / ".image")
    tool.build()
    return tool


@pytest.fixture(scope="session")
def config(buildah: Buildah) -> dict[str, Any]:
    return buildah.config()


@pytest.fixture(scope="session")
def root(buildah: Buildah) -> Iterator[Path]:
    """The files of the image; containers that write need volumes."""
    name, folder = buildah.unpack()
    yield folder
    buildah.remove(name)


@pytest.fixture
def data(tmp_path: Path, root: Path, config: dict[str, Any]) -> Path:
    """A volume for /data, which belongs to the image's user."""
    folder = tmp_path / "data"
    folder.mkdir()
    tmp_path.chmod(0o755)
    owner = int(Container(root, config, tmp_path / "none").user_id)
    os.chown(folder, owner, owner)
    return folder


@pytest.fixture
def make_container(
    tmp_path: Path, root: Path, config: dict[str, Any]
) -> Iterator[Callable[..., Container]]:
    """Make containers: `make_container(env=…, volumes=…, command=…)`; all are ended."""
    made: list[Container] = []

    def make(**options: Any) -> Container:
        container = Container(root, config, tmp_path / f"container-{len(made)}.log", **options)
        made.append(container)
        return container

    yield make
    for container in made:
        container.kill()
