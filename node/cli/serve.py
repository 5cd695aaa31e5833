"""`gmcn serve`: the node itself."""

import click

from node.cli.base.opening import pass_node
from node.cli.base.output import remark
from node.jobs import Jobs
from node.log import set_up_log
from node.runtime import Node
from node.web import process


@click.command()
@pass_node
def serve(node: Node) -> None:
    """Run the node until Ctrl-C or SIGTERM: serve peers, staff and the public, pull, expire, erase.

    It listens where server.host and server.port say, for the console where console.host and console.port say,
    and for the public site where site.host and site.port say; TLS belongs to the proxy in front of it.
    Whatever was going on when it was last stopped, or killed, goes on. A home is served by one process at a
    time.

    \b
    Examples:
      gmcn serve
      GMCN_SERVER_PORT=8450 gmcn --home /srv/gmcn serve
    """
    set_up_log(node.config.log)
    network = node.network()
    exercise = " EXERCISE." if network.policy.exercise else ""

    def announce(url: str, console_url: str, site_url: str) -> None:
        remark(f"{node.member} serves {network.roster.network} on {url}.{exercise}")
        if console_url:
            remark(f"Its console is on {console_url}")
        if site_url:
            remark(f"Its public site is on {site_url}")

    process.serve(node, Jobs(node), announce)
