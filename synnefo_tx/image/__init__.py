"""
The image service: Glance v2 over block volumes.
"""

import re

_FILE = re.compile(rb"/image/v2/images/[^/]+/file/?")


def streams(method: bytes, path: bytes) -> bool:
    """
    Whether a call's body is taken as it arrives (for StreamingSite).  `path` may carry a query.
    """
    return method == b"PUT" and _FILE.fullmatch(path.partition(b"?")[0]) is not None
