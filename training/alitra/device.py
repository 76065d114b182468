"""Where a training computes: tensors are made there from then on."""
import torch


def use(name):
    """name: cpu, cuda, cuda:1, ..."""
    device = torch.device(name)
    if device.type == 'cuda':
        if not torch.cuda.is_available():
            raise SystemExit('--device %s: this PyTorch (%s) finds no such device; leave the option out to compute on the CPU'
                             % (name, torch.__version__))
        torch.cuda.set_device(device)
        if hasattr(torch, 'set_default_device'):    # PyTorch 2
            torch.set_default_device(device)
        else:
            torch.set_default_tensor_type(torch.cuda.FloatTensor)
    elif device.type != 'cpu':
        raise SystemExit('--device %s: expected cpu or cuda' % name)


def here():
    return torch.empty(0).device


def load(path):
    """A checkpoint, wherever it was made."""
    return torch.load(path, map_location=here())


def add_option(parser):
    parser.add_argument('--device', default='cpu', help='cpu or cuda; default: %(default)s')
