"""`gmcn site`: the public site in processes of its own."""

import click
from sqlalchemy.exc import OperationalError

from node.cli import Invocation
from node.cli.output import remark
from node.config import load_config
from node.errors import PeerUnavailable
from node.log import set_up_log
from node.runtime import KeylessNode, open_keyless_node
from node.web.site_process import serve_site


@click.group()
def site() -> None:
    """Serve the public site apart from the node."""


@site.command("serve")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer: as many as processors that the site may have.",
)
@click.pass_obj
def serve(invocation: Invocation, workers: int) -> None:
    """Serve the public site alone, until Ctrl-C or SIGTERM. No key is read.

    It listens where site.host and site.port say. Set site.enabled to false in node.toml, so that `gmcn serve`
    leaves the site to this. The database is made and brought up to date by `gmcn serve`.

    \b
    Examples:
      gmcn site serve
      gmcn --home /srv/gmcn site serve --workers 4
    """
    config = load_config(invocation.home)
    set_up_log(config.log)

    def open_site() -> KeylessNode:
        node = open_keyless_node(invocation.home)
        node.network()  # read once before the first request
        return node

    try:
        serve_site(config.site, open_site, workers, lambda url: remark(f"The public site is on {url}"))
    except OperationalError as error:  # what it says may quote a row
        raise PeerUnavailable(
            "The database does not answer.", "Check that it runs, and database.url in node.toml."
        ) from error
