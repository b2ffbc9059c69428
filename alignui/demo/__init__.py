"""The demonstration: shipped data, loaded through the same services that people's files go."""
