"""The identity API beside Keystone."""
