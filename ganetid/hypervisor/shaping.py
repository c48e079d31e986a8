"""
The shape of a running guest: what its destination has to be built like.
"""

from __future__ import annotations

from ganetid.hypervisor import hotplug
from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.run_directory import Started
from ganetid.hypervisor.values import Shape


async def shape_of(run: GuestRun, started: Started) -> Shape:
    """See IHypervisor.  From QEMU itself, but for what it was started with."""
    layout = await hotplug.layout_of(run)
    places = await hotplug.places_of(run, layout)
    return Shape(
        machine=await hotplug.machine_type(run),
        memory_mib=started.memory_mib,
        vcpus=started.vcpus,
        hvparams=started.hvparams,
        places={
            device: place
            for device, place in places.items()
            if device.startswith(("disk", "nic")) and "-port" not in device
        },
        disk_ports=layout.disk_ports,
        nic_ports=layout.nic_ports,
    )
