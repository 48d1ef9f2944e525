"""The floor: paramiko sends one script to every host, reads what comes and forgets it.

Arguments: SCRIPT JOBS USER KEY KNOWN_HOSTS ADDRESS...
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko


def main() -> None:
    script, jobs, user, key, known_hosts, *addresses = sys.argv[1:]
    text = Path(script).read_bytes()

    def one(address: str) -> int:
        client = paramiko.SSHClient()
        client.load_host_keys(known_hosts)
        client.connect(address, username=user, key_filename=key, allow_agent=False, look_for_keys=False, timeout=30)
        stdin, stdout, _ = client.exec_command("sh -s")
        stdin.write(text)
        stdin.channel.shutdown_write()
        length = len(stdout.read())
        client.close()
        return length

    with ThreadPoolExecutor(int(jobs)) as pool:
        lengths = list(pool.map(one, addresses))
    if min(lengths) < 1000:
        sys.exit(f"a host sent only {min(lengths)} bytes")


main()
