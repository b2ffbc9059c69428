"""Replays of labelled sets over acquisition functions: which one is worth its labels?"""
