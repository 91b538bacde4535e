"""Real reverse proxies in front of a site, with the blocks of docs/deployment.md."""

import asyncio
import re
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import block
from tests.services import Process, answers, free_port, need, wait_until
from tests.web.probes import HANDLERS
from tests.web.site import FORM, OPEN_API, FakeCluster

APACHE_MODULES = Path("/usr/lib/apache2/modules")
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; {block} }}
}}
"""
CADDY = "{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n{block}}}\n"
APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
Listen 127.0.0.1:{port}
ErrorLog /dev/stderr
{modules}
{block}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 1m
frontend web
    bind 127.0.0.1:{port}
    use_backend flower if {{ path_beg /flower/ }}
{block}
"""
MODULES = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http")
LOADED = "\n".join(f"LoadModule {one}_module {APACHE_MODULES}/mod_{one}.so" for one in MODULES)
#: How each is set up around its block, and started.
PROXIES = {
    "nginx": (NGINX, ["nginx", "-c", "{file}"]),
    "caddy": (CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config", "{file}"]),
    "apache": (APACHE, ["apache2", "-X", "-f", "{file}"]),
    "haproxy": (HAPROXY, ["haproxy", "-db", "-f", "{file}"]),
}


class Proxy(Process):
    """One of them, in front of what listens at `upstream`."""

    def __init__(self, name: str, folder: Path, upstream: int) -> None:
        super().__init__(folder / "log")
        self.port = free_port()
        frame, self._command = PROXIES[name]
        documented = block("deployment.md", name).replace("127.0.0.1:5555", f"127.0.0.1:{upstream}")
        self._file = folder / "conf"
        self._file.write_text(
            frame.format(folder=folder, port=self.port, block=documented, modules=LOADED)
        )

    def start(self) -> "Proxy":
        program, *words = self._command
        self.spawn([need(program), *(word.format(file=self._file) for word in words)])
        wait_until(lambda: answers(self.port) or not self.running, what=self.output())
        assert self.running, self.output()
        return self


@pytest.mark.parametrize("name", PROXIES)
async def test_pages_streams_and_buttons_pass_with_the_documented_block(serve, tmp_path, name):
    cluster = FakeCluster()
    client = serve(HANDLERS, cluster=cluster, environ=OPEN_API, url_prefix="flower", xheaders=True)
    proxy = await asyncio.to_thread(Proxy(name, tmp_path, client.port).start)
    try:
        own = f"127.0.0.1:{proxy.port}"
        client.host = own
        page = await client.get("/flower/shown")
        origin = {"Origin": f"http://{own}", "X-Real-Ip": "203.0.113.9"}
        pressed = await client.post("/flower/do/act/x", {"value": "1"}, **origin)
        foreign = await client.post("/flower/do/act/x", **FORM, Origin="http://evil.example")
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(f"GET /flower/stream HTTP/1.1\r\nHost: {own}\r\n\r\n".encode())
        async with asyncio.timeout(10):
            await reader.readuntil(b"retry: 3000\n\n")
            cluster.events.happen()
            await reader.readuntil(b"event: tick\ndata:\n\n")
        writer.close()
    finally:
        proxy.kill()

    assert page.status == 200
    assert pressed.status == 303, pressed.text
    assert foreign.status == 403
    assert {entry.peer for entry in cluster.recorded} == {"127.0.0.1"}


def test_the_block_of_traefik_leads_to_a_service_that_it_names() -> None:
    http = yaml.safe_load(block("deployment.md", "yaml", 2))["http"]
    [router] = http["routers"].values()
    [server] = http["services"][router["service"]]["loadBalancer"]["servers"]

    assert router["rule"] == "PathPrefix(`/flower`)"
    assert server == {"url": "http://127.0.0.1:5555"}


def test_every_documented_block_of_a_proxy_is_tried() -> None:
    page = Path(__file__).parents[2] / "docs/deployment.md"
    chapter = page.read_text("utf-8").partition("## Reverse proxy")[2].partition("\n## ")[0]

    assert set(re.findall(r"^```(\w+)$", chapter, re.MULTILINE)) == {*PROXIES, "yaml"}
