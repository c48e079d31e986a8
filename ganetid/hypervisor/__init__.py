"""How guests run: QEMU under KVM or TCG, and a fake that says so."""
