"""Users and the workspace, made or brought to what the credentials say."""

from __future__ import annotations

from typing import Any, TypedDict


class Account(TypedDict):
    """A user as the desk's credentials file has it. `role` is owner or annotator."""

    role: str
    password: str
    api_key: str


async def ensure(accounts: dict[str, Account], workspace: str) -> None:
    """Every user exists with that role, password and key and is a member of `workspace`. Nobody is removed."""
    from argilla_server.contexts.accounts import hash_password, verify_password
    from argilla_server.database import AsyncSessionLocal
    from argilla_server.models import User, UserRole, Workspace, WorkspaceUser

    async with AsyncSessionLocal() as db:
        room = await Workspace.get_by(db, name=workspace) or await Workspace.create(db, name=workspace)
        for name, account in accounts.items():
            said: dict[str, Any] = {"role": UserRole(account["role"]), "api_key": account["api_key"]}
            user = await User.get_by(db, username=name)
            if user is None or not verify_password(account["password"], user.password_hash):
                said["password_hash"] = hash_password(account["password"])
            if user is None:
                user = await User.create(db, first_name=name, username=name, **said)
            elif any(getattr(user, key) != value for key, value in said.items()):
                await user.update(db, **said)
            if await WorkspaceUser.get_by(db, workspace_id=room.id, user_id=user.id) is None:
                await WorkspaceUser.create(db, workspace_id=room.id, user_id=user.id)
