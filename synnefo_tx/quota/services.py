"""
The services whose rows tell what is used, for `reconcile_resources`.
"""

from synnefo_tx.account.rows import census as _account
from synnefo_tx.compute.rows import census as _compute
from synnefo_tx.image.rows import charges as _image
from synnefo_tx.network.rows import census as _network
from synnefo_tx.volume.rows import census as _volume

SERVICES = (_account.CENSUS, _compute.CENSUS, _image.CENSUS, _network.CENSUS, _volume.CENSUS)
