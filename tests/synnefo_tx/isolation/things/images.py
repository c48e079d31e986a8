"""
Images.
"""

from __future__ import annotations

from tests.synnefo_tx.compute.cloud import Cloud

IMAGE = "/image/v2/images/<image_id>"
BY_NOVA = "/compute/v2.1/images/<image_id>"
BODIES = {
    f"PATCH {IMAGE}": [{"op": "replace", "path": "/name", "value": "stolen"}],
    f"PUT {IMAGE}/file": b"other",
    f"POST {IMAGE}/members": {"member": "project-bob"},
    f"PUT {IMAGE}/members/<member>": {"status": "accepted"},
    f"POST {BY_NOVA}/metadata": {"metadata": {"a": "b"}},
    f"PUT {BY_NOVA}/metadata": {"metadata": {"a": "b"}},
    f"PUT {BY_NOVA}/metadata/<key>": {"meta": {"color": "b"}},
}


def made(cloud: Cloud) -> dict[str, str]:
    """
    An image that another project is let in to, which is not the one that tries.
    """
    body = {"name": "hers", "disk_format": "raw", "container_format": "bare", "color": "red"}
    made = cloud.call("POST", "/image/v2/images", {**body, "visibility": "shared", "tags": ["t"]})
    image = str(made.json["id"])
    cloud.call("POST", f"/image/v2/images/{image}/members", {"member": "project-root"})
    return {
        IMAGE: image,
        BY_NOVA: image,
        f"{BY_NOVA}/metadata/<key>": "color",
        f"{IMAGE}/members/<member>": "project-root",
        f"{IMAGE}/tags/<tag>": "t",
    }
