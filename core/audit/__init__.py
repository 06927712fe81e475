"""Copies of the journal that can be verified by themselves, exports and archives; and files of anchors."""
