"""Hosts that files are fetched from: does the name resolve, may the address be asked, does somebody listen?"""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from connector.adapters.attachments.addresses import refusal, refused_address
from connector.adapters.attachments.options import FetchOptions, HostOptions
from connector.adapters.workers import Workers
from connector.config.host_patterns import shown_host
from connector.config.problems import counted
from connector.workbench.doctor.reach import Unreached, addresses, connected
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong


async def look(options: FetchOptions, names: Workers) -> Sequence[Result]:
    """Each listed host; behind a proxy only the proxy, which resolves their names."""
    if not options.hosts:
        return (Fine("no host is listed: nothing is fetched"),)
    if options.proxy_url is not None:
        proxy = urlsplit(options.proxy_url)
        failed = await connected(names, proxy.hostname or "", proxy.port or 80)
        if failed is not None:
            return (Wrong(f"the proxy {options.proxy_url}: {failed.why}", "check attachments.proxy"),)
        return (Fine(f"the proxy is there, and resolves {counted(len(options.hosts), 'host')}"),)
    return await asyncio.gather(*(_host(options, host, names) for host in options.hosts))


async def _host(options: FetchOptions, host: HostOptions, names: Workers) -> Result:
    pattern = host.pattern
    shown = shown_host(pattern.host)
    if pattern.below:
        return NotChecked(f"*.{shown} is no name that could be resolved")
    found = await addresses(names, str(pattern.host))
    if isinstance(found, Unreached):
        return Wrong(
            f"{shown}: {found.why}", "check attachments.hosts: its files would be fetched again and again"
        )
    for address in found:
        kind = refusal(ip_address(address), options.allow_private)
        if kind is not None:
            return Wrong(refused_address(shown, kind))
    failed = await connected(names, found[0], pattern.port or (80 if host.plain_text else 443))
    if failed is not None:
        return Warn(f"{shown}: {failed.why}", "records with files of this host wait until it answers")
    return Fine(f"{shown} leads to {', '.join(found)}")
