"""A real nginx with the configuration of `deploy/`, on free ports and with the certificates of a test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from csms.embedded.ports import answers, any_free
from csms.embedded.process import Process
from tests.serving import ROOT

# Where it connects from: another address than that of everybody else on this machine.
ADDRESS = "127.0.0.2"
_MAIN = """\
daemon off;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/csms.conf;
}}
"""


def nginx_program() -> str:
    """Return the path of nginx, which `.ci/run` installs."""
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert found is not None, "install nginx (apt-get install nginx-light): these tests need the real one"
    return found


class Nginx:
    """nginx in front of an instance; `certificates` are (chain, key), RSA first, ECDSA second."""

    def __init__(self, name: str, behind: int, directory: Path, certificates: list[tuple[str, str]]) -> None:
        self.port = any_free()
        self.directory = directory
        directory.mkdir()
        changes = {
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;\n    proxy_bind {ADDRESS};",
            "listen 8080;": f"listen 127.0.0.1:{self.port};\n    proxy_bind {ADDRESS};",
            "server 127.0.0.1:8081;": f"server 127.0.0.1:{behind};",
            "http://csms:8081": f"http://127.0.0.1:{behind}",
            "/etc/csms/rsa.pem": certificates[0][0],
            "/etc/csms/rsa.key": certificates[0][1],
            "/etc/csms/ecdsa.pem": certificates[1][0],
            "/etc/csms/ecdsa.key": certificates[1][1],
        }
        text = (ROOT / "deploy" / "nginx" / name).read_text()
        for here, there in changes.items():
            text = text.replace(here, there)
        (directory / "csms.conf").write_text(text)
        (directory / "nginx.conf").write_text(_MAIN.format(directory=directory))
        command = [nginx_program(), "-p", str(directory), "-c", str(directory / "nginx.conf")]
        self.process = Process("nginx", command, directory / "nginx.log")

    def start(self) -> None:
        """Return when it can be connected to."""
        self.process.start()
        self.process.wait_ready(lambda: answers(self.port), 15.0)

    def stop(self) -> None:
        self.process.stop(10.0)
