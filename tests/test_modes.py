import pytest

from lenet_helpers import LeNetConfig, LeNetVariant
from lenet_helpers.modes import evaluation_mode


def test_every_layers_mode_comes_back_even_after_an_error():
    model = LeNetVariant(LeNetConfig(dropout=0.3)).train()
    model.conv2.eval()
    with pytest.raises(KeyError):
        with evaluation_mode(model):
            assert not any(m.training for m in model.modules())
            raise KeyError
    assert model.training and model.dropout.training and not model.conv2.training
