"""Fits of calibrations to points that somebody read off."""
