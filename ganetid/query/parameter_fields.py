"""
Fields for single parameters: ``ndp/``, ``be/``, ``hv/``.
"""

from __future__ import annotations

from ganetid.query.fields import BOOL, FLOAT, NUMBER, OTHER, UNIT, Told, parameter

NDPARAMS: tuple[Told, ...] = (
    ("ndp/cpu_speed", "ndp/cpu_speed", FLOAT, 'The "cpu_speed" node parameter'),
    ("ndp/exclusive_storage", "ExclusiveStorage", BOOL, 'The "exclusive_storage" node parameter'),
    ("ndp/oob_program", "OutOfBandProgram", OTHER, 'The "oob_program" node parameter'),
    ("ndp/ovs", "OpenvSwitch", BOOL, 'The "ovs" node parameter'),
    ("ndp/ovs_link", "OpenvSwitchLink", OTHER, 'The "ovs_link" node parameter'),
    ("ndp/ovs_name", "OpenvSwitchName", OTHER, 'The "ovs_name" node parameter'),
    ("ndp/spindle_count", "SpindleCount", NUMBER, 'The "spindle_count" node parameter'),
    ("ndp/ssh_port", "ndp/ssh_port", NUMBER, 'The "ssh_port" node parameter'),
)

BEPARAMS: tuple[Told, ...] = (
    ("be/always_failover", "be/always_failover", BOOL, 'The "always_failover" backend parameter'),
    ("be/auto_balance", "Auto_balance", BOOL, 'The "auto_balance" backend parameter'),
    ("be/maxmem", "ConfigMaxMem", UNIT, 'The "maxmem" backend parameter'),
    ("be/memory", "ConfigMaxMem", UNIT, 'The "maxmem" backend parameter'),
    ("be/minmem", "ConfigMinMem", UNIT, 'The "minmem" backend parameter'),
    ("be/spindle_use", "be/spindle_use", NUMBER, 'The "spindle_use" backend parameter'),
    ("be/vcpus", "ConfigVCPUs", NUMBER, 'The "vcpus" backend parameter'),
)

# name, title, kind of hypervisor parameters
HYPERVISOR: tuple[tuple[str, str, str], ...] = (
    ("acpi", "ACPI", BOOL),
    ("blockdev_prefix", "hv/blockdev_prefix", OTHER),
    ("boot_order", "Boot_order", OTHER),
    ("bootloader_args", "hv/bootloader_args", OTHER),
    ("bootloader_path", "hv/bootloader_path", OTHER),
    ("cdrom2_image_path", "hv/cdrom2_image_path", OTHER),
    ("cdrom_disk_type", "hv/cdrom_disk_type", OTHER),
    ("cdrom_image_path", "CDROM_image_path", OTHER),
    ("cpu_cap", "hv/cpu_cap", NUMBER),
    ("cpu_cores", "hv/cpu_cores", NUMBER),
    ("cpu_mask", "hv/cpu_mask", OTHER),
    ("cpu_sockets", "hv/cpu_sockets", NUMBER),
    ("cpu_threads", "hv/cpu_threads", NUMBER),
    ("cpu_type", "cpu_type", OTHER),
    ("cpu_weight", "hv/cpu_weight", NUMBER),
    ("cpuid", "hv/cpuid", OTHER),
    ("device_model", "hv/device_model", OTHER),
    ("devices", "hv/devices", OTHER),
    ("disk_aio", "hv/disk_aio", OTHER),
    ("disk_cache", "hv/disk_cache", OTHER),
    ("disk_discard", "hv/disk_discard", OTHER),
    ("disk_type", "Disk_type", OTHER),
    ("drop_capabilities", "hv/drop_capabilities", OTHER),
    ("extra_cgroups", "hv/extra_cgroups", OTHER),
    ("extra_config", "hv/extra_config", OTHER),
    ("floppy_image_path", "hv/floppy_image_path", OTHER),
    ("init_script", "hv/init_script", OTHER),
    ("initrd_path", "Initrd_path", OTHER),
    ("kernel_args", "hv/kernel_args", OTHER),
    ("kernel_path", "Kernel_path", OTHER),
    ("keymap", "hv/keymap", OTHER),
    ("kvm_extra", "hv/kvm_extra", OTHER),
    ("kvm_flag", "hv/kvm_flag", OTHER),
    ("kvm_path", "hv/kvm_path", OTHER),
    ("kvm_pci_reservations", "hv/kvm_pci_reservations", NUMBER),
    ("machine_version", "hv/machine_version", OTHER),
    ("mem_path", "hv/mem_path", OTHER),
    ("migration_caps", "hv/migration_caps", OTHER),
    ("migration_downtime", "hv/migration_downtime", NUMBER),
    ("nic_type", "NIC_type", OTHER),
    ("num_ttys", "hv/num_ttys", NUMBER),
    ("pae", "PAE", BOOL),
    ("pci_pass", "pci_pass", OTHER),
    ("reboot_behavior", "hv/reboot_behavior", OTHER),
    ("root_path", "hv/root_path", OTHER),
    ("scsi_controller_type", "hv/scsi_controller_type", OTHER),
    ("security_domain", "hv/security_domain", OTHER),
    ("security_model", "hv/security_model", OTHER),
    ("serial_console", "hv/serial_console", BOOL),
    ("serial_speed", "hv/serial_speed", NUMBER),
    ("soundhw", "hv/soundhw", OTHER),
    ("spice_bind", "hv/spice_bind", OTHER),
    ("spice_image_compression", "hv/spice_image_compression", OTHER),
    ("spice_ip_version", "hv/spice_ip_version", NUMBER),
    ("spice_jpeg_wan_compression", "hv/spice_jpeg_wan_compression", OTHER),
    ("spice_password_file", "hv/spice_password_file", OTHER),
    ("spice_playback_compression", "hv/spice_playback_compression", BOOL),
    ("spice_streaming_video", "hv/spice_streaming_video", OTHER),
    ("spice_tls_ciphers", "hv/spice_tls_ciphers", OTHER),
    ("spice_use_tls", "hv/spice_use_tls", BOOL),
    ("spice_use_vdagent", "hv/spice_use_vdagent", BOOL),
    ("spice_zlib_glz_wan_compression", "hv/spice_zlib_glz_wan_compression", OTHER),
    ("startup_timeout", "hv/startup_timeout", NUMBER),
    ("usb_devices", "hv/usb_devices", OTHER),
    ("usb_mouse", "hv/usb_mouse", OTHER),
    ("use_bootloader", "hv/use_bootloader", BOOL),
    ("use_chroot", "hv/use_chroot", BOOL),
    ("use_guest_agent", "hv/use_guest_agent", BOOL),
    ("use_localtime", "hv/use_localtime", BOOL),
    ("user_shutdown", "hv/user_shutdown", BOOL),
    ("vga", "hv/vga", OTHER),
    ("vhost_net", "hv/vhost_net", BOOL),
    ("vif_script", "hv/vif_script", OTHER),
    ("vif_type", "hv/vif_type", OTHER),
    ("viridian", "hv/viridian", BOOL),
    ("virtio_net_queues", "hv/virtio_net_queues", NUMBER),
    ("vnc_bind_address", "VNC_bind_address", OTHER),
    ("vnc_password_file", "hv/vnc_password_file", OTHER),
    ("vnc_tls", "hv/vnc_tls", BOOL),
    ("vnc_x509_path", "hv/vnc_x509_path", OTHER),
    ("vnc_x509_verify", "hv/vnc_x509_verify", BOOL),
    ("vnet_hdr", "hv/vnet_hdr", BOOL),
)
HVPARAMS: tuple[Told, ...] = tuple(
    (f"hv/{name}", title, kind, f'The "{name}" hypervisor parameter')
    for name, title, kind in HYPERVISOR
)

NDPARAM_PICKS = {told[0]: parameter("ndparams", told[0].removeprefix("ndp/")) for told in NDPARAMS}
BEPARAM_PICKS = {told[0]: parameter("beparams", told[0].removeprefix("be/")) for told in BEPARAMS}
HVPARAM_PICKS = {told[0]: parameter("hvparams", told[0].removeprefix("hv/")) for told in HVPARAMS}
