"""What scikit-learn asks of an estimator, without importing it.

A class that inherits from `BaseEstimator` makes `from wave_network import WaveClassifier` import
scikit-learn, which takes longer than training on a small data set, and fails where there is none.
So the base class has the methods itself. Once the caller has loaded scikit-learn, it inherits from
its classes, too, for whoever asks `isinstance(classifier, BaseEstimator)`.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from sklearn.utils import Tags
    from sklearn.utils.metadata_routing import MetadataRequest
    from typing_extensions import Self

_ROUTED_METHODS: Final = ("fit", "score")


class NotFittedError(ValueError, AttributeError):
    """The classifier has not been fitted.

    Where scikit-learn is loaded, its class of this name is raised.
    """


class _Alone:
    """The only base class while scikit-learn is not loaded."""


class TextClassifierBase(_Alone):
    """Parameters, tags and metadata requests of a text classifier.

    All arguments of a subclass's `__init__` are parameters, stored untouched under their names.
    """

    classes_: Any

    def __new__(cls, *_: Any, **__: Any) -> Self:  # noqa: ANN401
        """Create a classifier, which is one of scikit-learn's if that is loaded."""
        _inherit_from_scikit_learn()
        return super().__new__(cls)

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """The parameters and their defaults, in the order of `__init__`."""
        parameters = inspect.signature(cls.__init__).parameters
        return {name: parameters[name].default for name in list(parameters)[1:]}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Args:
            deep: Ignored: no parameter is an estimator.
        """
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401
        """Set parameters, and return the estimator.

        Raises:
            ConfigError: If there is no parameter of a name.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ConfigError(
                    f"Invalid parameter {name!r} for {type(self).__name__}: give one of "
                    + ", ".join(known)
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = self._defaults()
        given = (f"{n}={v!r}" for n, v in self.get_params().items() if v is not defaults[n])
        return f"{type(self).__name__}({', '.join(given)})"

    def _repr_html_(self) -> str | None:
        """Draw the classifier in notebooks that use scikit-learn; others show its `repr`."""
        if "sklearn" not in sys.modules:
            return None
        from sklearn import get_config
        from sklearn.utils import estimator_html_repr

        return str(estimator_html_repr(self)) if get_config()["display"] == "diagram" else None

    def _check_fitted(self) -> None:
        if hasattr(self, "classes_"):
            return
        # Only a caller that has imported it can expect the class of scikit-learn.
        theirs = sys.modules.get("sklearn.exceptions")
        error = NotFittedError if theirs is None else theirs.NotFittedError
        raise error(f"this {type(self).__name__} is not fitted yet: call fit, or load a model")

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            transformer_tags=None,
            classifier_tags=ClassifierTags(multi_label=True),
            regressor_tags=None,
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )

    def set_fit_request(self, **requests: bool | str | None) -> Self:
        """Say which arguments of `fit` a meta-estimator passes on, such as `sample_weight=True`.

        For scikit-learn's metadata routing.
        """
        return self._request("fit", requests)

    def set_score_request(self, **requests: bool | str | None) -> Self:
        """Say which arguments of `score` a meta-estimator passes on: `sample_weight=True`.

        For scikit-learn's metadata routing.
        """
        return self._request("score", requests)

    def get_metadata_routing(self) -> MetadataRequest:
        """Return which arguments are requested, for scikit-learn's metadata routing."""
        from copy import deepcopy

        from sklearn.utils.metadata_routing import MetadataRequest

        requested = getattr(self, "_metadata_request", None)  # the name that `clone` copies
        if requested is not None:
            return deepcopy(requested)
        request = MetadataRequest(owner=type(self).__name__)
        for method in _ROUTED_METHODS:
            for name in inspect.signature(getattr(self, method)).parameters:
                if name not in ("X", "y"):
                    getattr(request, method).add_request(param=name, alias=None)
        return request

    def _request(self, method: str, requests: dict[str, bool | str | None]) -> Self:
        request = self.get_metadata_routing()
        for name, alias in requests.items():
            if name not in getattr(request, method).requests:
                raise TypeError(f"{method} takes no argument {name!r}")
            getattr(request, method).add_request(param=name, alias=alias)
        self._metadata_request = request
        return self


def _inherit_from_scikit_learn() -> None:
    base: Any = sys.modules.get("sklearn.base")
    if TextClassifierBase.__bases__ == (_Alone,) and hasattr(base, "ClassifierMixin"):
        TextClassifierBase.__bases__ = (base.ClassifierMixin, base.BaseEstimator, _Alone)


_inherit_from_scikit_learn()
