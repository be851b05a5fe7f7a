"""A demonstration: a realistic mix of loans through the running system, over HTTP, in front of your eyes.

api     what the demonstration asks of the gateway
feed    every loan's latest status, as the system streams it
mix     the applications
screen  how it looks
"""
