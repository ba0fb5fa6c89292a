"""What all pulls and pushes share: connections, logins, our key; and small questions about models in registries."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import httpcore
import httpx

from inference.errors import LoginRefused, RegistryError, RegistryRefused
from inference.library.names import DEFAULT_NAMESPACE, DEFAULT_TAG, ModelName
from inference.library.registry.identity import Identity
from inference.library.registry.logins import HUGGING_FACE_HOSTS, Login, Logins
from inference.library.registry.patience import Patience
from inference.library.registry.remote_name import RemoteName, parse_remote_name
from inference.library.registry.repository import RemoteManifest, Repository, check_status
from inference.version import VERSION

#: As much as asyncio and uvloop read at once: with 64 KiB, every such read is cut in four and copied again and again.
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 256 * 1024


class Registry:
    """Every registry there is. `patience` says how long a failing one is tried, `hugging_face` which hosts are Hugging Face."""

    def __init__(
        self, data_dir: Path, *, patience: Patience | None = None, hugging_face: Collection[str] = HUGGING_FACE_HOSTS
    ) -> None:
        self._hugging_face = hugging_face
        self.identity = Identity(data_dir / "id_ed25519")
        self.logins = Logins(data_dir / "registries.json")
        self.patience = patience or Patience()
        self._clients: dict[bool, httpx.AsyncClient] = {}

    def is_hugging_face(self, host: str) -> bool:
        return host.lower() in self._hugging_face

    async def manifest(self, name: str, *, insecure: bool = False) -> RemoteManifest:
        """The manifest of a model, with which nothing is done. Raises `InvalidRequest`, `RegistryError`."""
        return await (await self.repository(parse_remote_name(name, insecure=insecure))).manifest()

    async def read_blob(self, name: str, digest: str, length: int, *, insecure: bool = False) -> bytes:
        """The first `length` bytes of a blob, fewer where it is shorter. Raises `InvalidRequest`, `RegistryError`.

        Nothing vouches for a beginning: its sha256 is that of the whole.
        """
        return await (await self.repository(parse_remote_name(name, insecure=insecure))).read_blob(digest, length)

    async def repository(self, remote: RemoteName, login: Login | None = None) -> Repository:
        """`login` as asked for with this request; else what was kept for the registry. Raises `RegistryError`."""
        origin = remote.origin
        if remote.is_insecure and not remote.scheme and not await self._speaks_tls(origin):
            origin = origin.copy_with(scheme="http")
        if login is None:
            login = await asyncio.to_thread(self.logins.find, remote.name.host)
            if login is not None and remote.is_insecure and not login.insecure:
                login = None
        return Repository(
            remote,
            origin,
            http=self._client(verifies=not remote.is_insecure),
            login=login,
            # Hugging Face takes its tokens as they are.
            authorization=f"Bearer {login.password}" if login and self.is_hugging_face(remote.name.host) else None,
            identity=self.identity,
            patience=self.patience,
        )

    async def check_login(self, host: str, login: Login) -> None:
        """Raises `LoginRefused` when the registry does not accept it, `RegistryError` when it cannot be asked."""
        remote = RemoteName(ModelName(host, DEFAULT_NAMESPACE, "login", DEFAULT_TAG), is_insecure=login.insecure)
        repository = await self.repository(remote, login)
        path = "/api/whoami-v2" if self.is_hugging_face(host) else "/v2/"

        async def ask() -> None:
            async with repository.request("GET", repository.origin.join(path)) as response:
                await check_status(response)

        try:
            await self.patience.retry(ask, tries=2)
        except RegistryRefused:
            raise LoginRefused(f"{host} does not accept this user name and password") from None

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _speaks_tls(self, origin: httpx.URL) -> bool:
        try:
            await self._client(verifies=False).head(origin.join("/v2/"))
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return False
        except httpx.HTTPError:
            # Something is wrong that the request itself will tell of.
            return True
        return True

    def _client(self, *, verifies: bool) -> httpx.AsyncClient:
        if verifies not in self._clients:
            timeout = httpx.Timeout(self.patience.stall, connect=self.patience.connect, pool=None)
            try:
                self._clients[verifies] = httpx.AsyncClient(
                    verify=verifies,
                    timeout=timeout,
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
                    headers={"user-agent": f"hearth/{VERSION}", "accept-encoding": "identity"},
                )
            except (ImportError, ValueError, OSError) as error:
                raise RegistryError(f"the proxy or certificate settings of this server cannot be used: {error}") from None
        return self._clients[verifies]
