"""Builds the image of the Dockerfile with buildah: no engine has to run, and no registry to answer.

Where a base image can't be pulled, one of the same name is made of Debian packages (debootstrap).
Such a stand-in has what the Dockerfile asks of the real image, `python` and `pip` on the PATH of a
small Debian, and what this machine needs to reach its registries.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.services import ROOT

IMAGE: Final = "localhost/flower-ng:tested"
DEBIAN: Final = "trixie"  # of the base images of python:3.13-slim
PACKAGES: Final = "ca-certificates,python3,python3-venv"
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
#: What clients of the registries read here, and have to read in a stand-in.
REGISTRY_VARIABLES: Final = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_CERT",
    "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
)  # fmt: skip


def run(*command: object, **options: Any) -> str:
    """Run a program and return its output; its errors are the exception's text."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip()


class Buildah:
    """buildah with a store of its own in `folder`, which outlives one run and may be deleted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places = ("--root", folder / "root", "--runroot", folder / "run")

    def __call__(self, *words: object) -> str:
        return run("buildah", *self._places, "--storage-driver", "vfs", *words)

    def has(self, image: str) -> bool:
        return bool(self("images", "--quiet", "--filter", f"reference={image}"))

    def build(self) -> None:
        """Build the Dockerfile as `docker build` does."""
        for name in base_images(ROOT / "Dockerfile"):
            if not self.has(name) and not self._pulled(name):
                self._stand_in(name)
        options = ("--isolation", "chroot", "--format", "docker", "--pull-never")
        self("build", *options, "--tag", IMAGE, ROOT)

    def config(self, image: str = IMAGE) -> dict[str, Any]:
        """Return how the image wants to be run: User, Env, Cmd, WorkingDir, Healthcheck, Labels."""
        config: dict[str, Any] = json.loads(self("inspect", "--type", "image", image))
        return dict(config["Docker"]["config"])

    def unpack(self, image: str = IMAGE) -> tuple[str, Path]:
        """Make a container of the image; return its name and its root folder."""
        name = self("from", "--pull-never", image)
        return name, Path(self("mount", name))

    def remove(self, container: str) -> None:
        self("rm", container)

    def _pulled(self, name: str) -> bool:
        try:
            self("pull", "--quiet", name)
        except AssertionError:
            return False
        return True

    def _stand_in(self, name: str) -> None:
        container = self("from", "scratch")
        root = Path(self("mount", container))
        run("cp", "--archive", f"{self._debian()}/.", root)
        run("chroot", root, "python3", "-m", "venv", "/usr/local")  # python and pip, as in the real
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        variables = [f"{key}={value}" for key, value in _registry_variables()]
        settings = [word for variable in variables for word in ("--env", variable)]
        path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        self("config", "--env", path, *settings, container)
        self("commit", "--quiet", "--rm", container, name)

    def _debian(self) -> Path:
        """Return a folder with a small Debian, made once."""
        folder = self.folder / f"debian-{DEBIAN}"
        if not folder.exists():
            making = folder.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            options = ("--variant=minbase", f"--include={PACKAGES}")
            run("debootstrap", *options, DEBIAN, making)
            for spare in (making / "dev", making / "var/cache/apt"):  # a container has its own /dev
                shutil.rmtree(spare)
                spare.mkdir()
            making.rename(folder)
        return folder


def base_images(dockerfile: Path) -> list[str]:
    """Return the images that a Dockerfile builds on, each with its whole name."""
    text = dockerfile.read_text()
    values = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
    named = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    bases = {re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], name) for name in named}
    return [f"docker.io/library/{name}" for name in sorted(bases - stages)]


def _registry_variables() -> Iterable[tuple[str, str]]:
    return ((name, os.environ[name]) for name in REGISTRY_VARIABLES if name in os.environ)
