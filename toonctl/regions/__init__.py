"""A line drawing as a graph of enclosed regions: labels, neighbors, optical-flow votes, painting.

May import: core, numpy, scipy, cv2. Never comes in: torch, PIL, any room above.
"""
