"""
Of security groups.
"""

from synnefo_tx.network.views.extension import extensions

EXTENSIONS = extensions(
    (
        "security-group",
        "security-group",
        "The security groups extension.",
        "2012-10-05T10:00:00-00:00",
    ),
    (
        "security-groups-normalized-cidr",
        "Normalized CIDR field for security group rules",
        "Add new field with normalized cidr in security group rule",
        "2020-04-20T16:00:00-00:00",
    ),
)
