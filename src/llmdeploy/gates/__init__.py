"""Gates: what a deployed endpoint must show before it counts as working.

`smoke` asks whether it speaks the API, `golden` whether it answers rightly, `load` whether it is fast enough. Each is
an async function from an `Endpoint` and its bounds to a `GateResult`; none of them prints or writes.
"""
