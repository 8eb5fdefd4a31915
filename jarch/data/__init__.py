"""Data sets as NumPy arrays, checked before anything compiles."""

from .dataset import Dataset as Dataset
from .errors import DataError as DataError
from .loading import load_data as load_data
from .splitting import from_arrays as from_arrays
