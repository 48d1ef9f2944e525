"""The same as paramiko_batch.py, with asyncssh.

Arguments: SCRIPT JOBS USER KEY KNOWN_HOSTS ADDRESS...
"""

import asyncio
import sys
from pathlib import Path

import asyncssh


async def main(text: str, jobs: str, user: str, key: str, known_hosts: str, *addresses: str) -> None:
    places = asyncio.Semaphore(int(jobs))

    async def one(address: str) -> int:
        async with (
            places,
            asyncssh.connect(
                address, username=user, client_keys=[key], known_hosts=known_hosts, config=None, agent_path=None
            ) as connection,
        ):
            done = await connection.run("sh -s", input=text, encoding="utf-8", errors="replace")
            return len(str(done.stdout))

    lengths = await asyncio.gather(*(one(address) for address in addresses))
    if min(lengths) < 1000:
        sys.exit(f"a host sent only {min(lengths)} bytes")


asyncio.run(main(Path(sys.argv[1]).read_text(), *sys.argv[2:]))
