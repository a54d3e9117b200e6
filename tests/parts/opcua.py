"""An OPC UA server: asyncua, with variables that a test sets."""

from __future__ import annotations

from typing import Any

from asyncua import Server, ua

from labline.stack import ports

from .background import Background


class Plc(Background):
    """Serves variables ``ns=2;s=NAME``; with a user and password, nobody else may read."""

    def __init__(self, variables: dict[str, Any], user: str = "", password: str = ""):
        self.port = ports.free(1)[0]
        self.url = f"opc.tcp://127.0.0.1:{self.port}/lab"
        self._variables, self._login = variables, (user, password)
        super().__init__()

    async def _serve(self) -> None:
        self._server = Server(user_manager=_Users(*self._login) if self._login[0] else None)
        await self._server.init()
        self._server.set_endpoint(self.url)
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self._nodes = {}
        index = await self._server.register_namespace("urn:lab")
        for name, value in self._variables.items():
            node = await self._server.nodes.objects.add_variable(ua.NodeId(name, index), name, value)
            self._nodes[name] = node
        await self._server.start()

    async def _end(self) -> None:
        await self._server.stop()

    def set(self, name: str, value: Any, status: int = 0) -> None:
        """Set a variable, and what the server says of its value."""
        self._do(self._nodes[name].write_value(ua.DataValue(ua.Variant(value), StatusCode=ua.StatusCode(status))))


class _Users:
    def __init__(self, user: str, password: str):
        self._login = (user, password)

    def get_user(self, _server: Any, username: str = "", password: str = "", certificate: Any = None) -> Any:
        from asyncua.crypto.permission_rules import User, UserRole

        return User(role=UserRole.User) if (username, password) == self._login else None
