"""Tokens in, text out: the tower, the action-unit encoder, the language model, and the engines that run them."""
