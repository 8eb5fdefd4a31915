"""Augmentation: training images are changed at random, on the device, within the step.

`kinds` says what there is; it imports no JAX, since configurations hold it. One idea a file beside.

What was chosen, and why: JAX itself has what most of this takes (`jax.scipy.ndimage`, `jnp.flip`,
`jax.random.loggamma`). The kept library is dm-pix (Apache 2.0; 0.4.5 of June 2026 works with JAX
0.10).
Of what is here it has a flip, a crop without padding, solarisation, contrast, and a warp that
interpolates between channels too, with eight look-ups a pixel instead of four; it assumes pixels of
0 to 1 and brings two more packages. It has no cutout, mixup, CutMix, equalisation, posterisation
nor RandAugment. So it is no dependency, but the yardstick of the tests.
"""
