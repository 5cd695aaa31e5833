"""How this node stands: what it owns, what it holds of whom, how fresh that is, and what went wrong.

Guarantees: no personal data; every reason is given in the words in which it was found.
"""

from node.services.status.figures import FeedStatus, PeerStatus, Status
from node.services.status.looking import status

__all__ = ["FeedStatus", "PeerStatus", "Status", "status"]
