"""A faithful Front to develop and test against: the eleven operations of the Channel API over HTTP.

It is the second, independent reading of Front's API: nothing here imports the rest of `connector`, and nothing
there may import a rule from here. `server.Simulator` is the way in; `front.Front` is the behaviour.
"""
