"""The detector's head: features to heatmap volumes, and heatmap volumes to several 3D poses (paper, section 3.2).

N: batch, K: keypoints, D: depth bins, H: hypotheses, (h, w): heatmap size, S: crop size in px.
"""
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmxas.ops import Hypotheses, Marginals, decode_marginals, norm_to_depth, norm_to_pixel, volume_marginals
from mmxas.ops.decoding import check_decoding
from mmxas.ops.kernels.products import pointwise_convolution
from mmxas.ops.kernels.uploads import upload
from mmxas.registry import MODELS


def _upsampling(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    """One deconvolution that doubles the resolution, as in integral pose regression: deconvolution, BN, ReLU."""
    if kernel not in (2, 3, 4):
        raise ValueError(f'deconv_kernel_sizes: {kernel} given, 2, 3 or 4 expected')
    padding, output_padding = {2: (0, 0), 3: (1, 1), 4: (1, 0)}[kernel]
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, kernel, stride=2, padding=padding,
                           output_padding=output_padding, bias=False),
        nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3×3 convolution with BN and ReLU."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
                         nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class _ContiguousConvolution(nn.Conv2d):
    """A 1×1 convolution that writes contiguous maps, with a weight of contiguous strides."""

    def _apply(self, *args, **kwargs) -> nn.Module:
        # Channels-last changes no more than strides of axes of size 1, which the weight's gradient does not follow:
        # DistributedDataParallel would warn of it and copy it.
        super()._apply(*args, **kwargs)
        self.weight.data = self.weight.data.as_strided(self.weight.shape, (self.in_channels, 1, 1, 1))
        return self

    def forward(self, features: Tensor) -> Tensor:
        return pointwise_convolution(features, self.weight, self.bias)


@MODELS.register_module()
class MultiHypothesisHead(BaseHead):
    """Deconvolutions to K·D heatmaps, decoded to H poses by the peaks of each keypoint's depth heatmap (eq. 2–6, 19).

    ``num_hypotheses=1, window=None`` is the vanilla single-hypothesis detector of eq. 2.

    Args:
        in_channels: Channels of the feature map.
        num_keypoints: K, which must be the skeleton's.
        depth_bins: D. Defaults to 64.
        deconv_out_channels: Width of each deconvolution; empty for none. Defaults to (256, 256, 256).
        deconv_kernel_sizes: Kernel of each deconvolution. Defaults to (4, 4, 4).
        conv_out_channels: Width of each 3×3 convolution (with BN and ReLU) behind them. Defaults to none.
        num_hypotheses: H. Defaults to 3.
        window: Bins of the local window in all, an odd number (2 N_w + 1), or None for the whole profile.
            Defaults to 15.
        xy_window: Bins of a square window in the x-y plane in all along each side, an odd number, or None for equation
            2 (:func:`mmxas.ops.decode_hypotheses`). ``test_cfg.xy_window`` replaces it in testing. Defaults to None.
        peak_threshold: A peak counts from this part of the profile's highest peak on. Defaults to 0: every peak.
        align_corners: How bins and the crop's px map to norm coordinates: False by their centres (conventions), True as
            in the released code. Defaults to False.
        losses: Loss terms for training the head by itself on labelled samples, as in mmpose's
            ``TopdownPoseEstimator``: name to config. Defaults to the synthetic keypoint loss (eq. 16).
        in_index: Which feature map is read. Defaults to -1.
        contiguous_logits: Write the heatmaps in contiguous memory, which decoding reads faster, also where the features
            are channels-last. Defaults to False: in the features' own layout.
        init_cfg: Initialisation. Defaults to normal(std=0.001) for (de)convolutions, as in mmpose's heatmap heads.

    Raises:
        ValueError: Unequal numbers of deconvolution widths and kernels, or decoding options that do not fit
            (:func:`mmxas.ops.decoding.check_decoding`).
    """

    def __init__(self, in_channels: int, num_keypoints: int, depth_bins: int = 64,
                 deconv_out_channels: Sequence[int] = (256, 256, 256), deconv_kernel_sizes: Sequence[int] = (4, 4, 4),
                 conv_out_channels: Sequence[int] = (), num_hypotheses: int = 3, window: int | None = 15,
                 peak_threshold: float = 0.0, align_corners: bool = False, losses: dict | None = None,
                 in_index: int = -1, contiguous_logits: bool = False, xy_window: int | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg or self.default_init_cfg)
        if len(deconv_out_channels) != len(deconv_kernel_sizes):
            raise ValueError(f'{len(deconv_out_channels)} deconv_out_channels but {len(deconv_kernel_sizes)} '
                             'deconv_kernel_sizes: give one kernel for each deconvolution')
        check_decoding(num_hypotheses, window, peak_threshold, align_corners, xy_window)
        self.num_keypoints, self.depth_bins = num_keypoints, depth_bins
        self.num_hypotheses, self.window, self.xy_window = num_hypotheses, window, xy_window
        self.peak_threshold, self.align_corners, self.in_index = peak_threshold, align_corners, in_index
        widths = [in_channels, *deconv_out_channels]
        self.deconv_layers = nn.Sequential(*(
            _upsampling(i, o, k) for i, o, k in zip(widths[:-1], widths[1:], deconv_kernel_sizes, strict=True)))
        widths = [widths[-1], *conv_out_channels]
        self.conv_layers = nn.Sequential(*(
            _convolution(i, o) for i, o in zip(widths[:-1], widths[1:], strict=True)))
        last = _ContiguousConvolution if contiguous_logits else nn.Conv2d
        self.final_layer = last(widths[-1], num_keypoints * depth_bins, kernel_size=1)
        losses = losses or dict(render=dict(type='SyntheticKeypointLoss'))
        self.loss_modules = nn.ModuleDict({name: MODELS.build(cfg) for name, cfg in losses.items()})

    @property
    def default_init_cfg(self) -> list[dict]:
        """Normal of 0.001 for convolutions, so that the first volume is almost flat."""
        return [dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001),
                dict(type='Constant', layer='BatchNorm2d', val=1)]

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Features to heatmap logits (N, K·D, h, w)."""
        return self.final_layer(self.conv_layers(self.deconv_layers(feats[self.in_index])))

    def decode_volume(self, logits: Tensor, test_cfg: Mapping | None = None) -> tuple[Hypotheses, Marginals]:
        """Decode heatmap logits (N, K·D, h, w) to hypotheses in the norm frame, the top-1 pose first.

        The volume's softmax is the costly part; its marginals, which some losses read too, come with the result.

        Args:
            logits: (N, K·D, h, w).
            test_cfg: Its ``xy_window``, where it has one, replaces the head's. Defaults to None, as in training.
        """
        xy_window = (test_cfg or {}).get('xy_window', self.xy_window)
        marginals = volume_marginals(logits, self.num_keypoints, self.depth_bins, with_plane=xy_window is not None)
        return decode_marginals(marginals, self.num_hypotheses, self.window, peak_threshold=self.peak_threshold,
                                align_corners=self.align_corners, xy_window=xy_window), marginals

    def average_flipped(self, logits: Tensor, flipped: Tensor, flip_indices: Sequence[int]) -> Tensor:
        """The mean of two volumes' probabilities, one of them of the mirrored crop, as logits (N, K·D, h, w).

        Averaging volumes, not poses, keeps the hypotheses: the peaks of both views stay peaks.
        """
        shape = (logits.shape[0], self.num_keypoints, self.depth_bins, *logits.shape[-2:])
        return self.average(logits, flipped.view(shape)[:, list(flip_indices)].flip(-1).reshape(logits.shape))

    def average(self, logits: Tensor, others: Tensor) -> Tensor:
        """Return the mean of two volumes' probabilities as logits (N, K·D, h, w)."""
        log_p, log_q = (
            x.float().view(x.shape[0], self.num_keypoints, -1).log_softmax(-1) for x in (logits, others))
        return torch.logaddexp(log_p, log_q).view_as(logits)

    def predict(self, feats: Sequence, batch_data_samples: Sequence[PoseDataSample], test_cfg: dict | None = None
                ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Hypotheses in crop px and mm, as mmpose's ``pred_instances``.

        Args:
            feats: Feature maps, or a pair of them under ``flip_test`` (plain, mirrored); of N crops, or of 2 N, the
                second half of which shows the same bodies: their heatmaps are averaged.
            batch_data_samples: N data samples; ``rect_3d_width`` in their meta information turns z into mm.
            test_cfg: ``flip_test``; ``xy_window``, in the place of the head's; ``output_depth_heatmaps`` adds
                ``depth_heatmaps`` (1, K, D), and ``pred_fields.depth_heatmap`` (K, 1, D).

        Returns:
            N ``InstanceData`` with ``keypoints`` (1, K, 3), ``keypoint_scores`` (1, K), ``keypoints_visible`` (1, K)
            of ones (a peak's height is no visibility), ``hypotheses`` (1, H, K, 3),
            ``hypothesis_scores`` and ``hypothesis_valid`` (1, H, K), ``hypotheses_norm`` (1, H, K, 3) and
            ``depth_unit`` (``'mm'`` or ``'crop'``); with ``output_depth_heatmaps`` also N ``PixelData``.

        Raises:
            ValueError: ``flip_test`` without ``flip_indices`` in the samples' meta information.
        """
        logits = self.test_volume(feats, batch_data_samples, test_cfg)
        return self.pack(self.decode_volume(logits, test_cfg)[0], batch_data_samples, test_cfg)

    def test_volume(self, feats: Sequence, batch_data_samples: Sequence[PoseDataSample], test_cfg: dict | None = None
                    ) -> Tensor:
        """Return the heatmap logits (N, K·D, h, w) that testing decodes: those of all views, averaged.

        Args:
            feats: As in :meth:`predict`.
            batch_data_samples: N data samples.
            test_cfg: Its ``flip_test``.

        Raises:
            ValueError: As in :meth:`predict`.
        """
        if (test_cfg or {}).get('flip_test', False):
            flip_indices = batch_data_samples[0].metainfo.get('flip_indices')
            if flip_indices is None:
                raise ValueError('test_cfg.flip_test: the samples have no flip_indices in their meta information; '
                                 'take a data set that gives them, or flip_test=False')
            logits = self.average_flipped(self.forward(feats[0]), self.forward(feats[1]), flip_indices)
        else:
            logits = self.forward(feats)
        if len(logits) > len(batch_data_samples):
            logits = self.average(*logits.split(len(batch_data_samples)))
        return logits

    def pack(self, result: Hypotheses, batch_data_samples: Sequence[PoseDataSample], test_cfg: dict | None = None
             ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Hypotheses in the norm frame as :meth:`predict` returns them.

        Args:
            result: Decoded hypotheses of N crops, by whatever they were computed.
            batch_data_samples: N data samples.
            test_cfg: As in :meth:`predict`.
        """
        result = Hypotheses(*(x.detach().cpu() if x.dtype == torch.bool else x.detach().float().cpu() for x in result))
        instances = [self._to_instances(result, i, s.metainfo) for i, s in enumerate(batch_data_samples)]
        if not (test_cfg or {}).get('output_depth_heatmaps', False):
            return instances
        profiles = result.depth_heatmap
        for instance, profile in zip(instances, profiles, strict=True):  # mmpose's merging of samples drops fields
            instance.depth_heatmaps = profile[None].numpy()
        return instances, [PixelData(depth_heatmap=p[:, None]) for p in profiles]

    def _to_instances(self, result: Hypotheses, index: int, meta: dict) -> InstanceData:
        norm = result.keypoints[index:index + 1]
        width, height = meta['input_size']
        rect_3d_width = meta.get('rect_3d_width')
        poses = norm.clone()
        for axis, size in enumerate((width, height)):
            poses[..., axis] = norm_to_pixel(norm[..., axis], size, self.align_corners)
        side = 1.0 if rect_3d_width is None else float(rect_3d_width)
        poses[..., 2] = norm_to_depth(norm[..., 2], side, width, self.align_corners)
        scores = result.scores[index:index + 1].numpy()
        poses = poses.numpy()
        return InstanceData(
            keypoints=poses[:, 0].copy(), keypoint_scores=scores[:, 0].copy(),
            keypoints_visible=np.ones_like(scores[:, 0]), hypotheses=poses,
            hypothesis_scores=scores, hypothesis_valid=result.valid[index:index + 1].numpy(),
            hypotheses_norm=norm.numpy(), depth_unit=['crop' if rect_3d_width is None else 'mm'])

    def loss(self, feats: Sequence[Tensor], batch_data_samples: Sequence[PoseDataSample],
             train_cfg: dict | None = None) -> dict[str, Tensor]:
        """Loss terms against ``gt_instance_labels.keypoint_norm``; one pass of the head.

        Args:
            feats: Feature maps of the N crops.
            batch_data_samples: N data samples with labels.
            train_cfg: Not used.

        Returns:
            A scalar for each term, by the name ``loss_<name>``.

        Raises:
            ValueError: A sample has no labels, or labels of another number of keypoints.
        """
        logits = self.forward(feats)
        target, weights = (upload(x, logits.device) for x in stack_labels(batch_data_samples, self.num_keypoints))
        hypotheses, marginals = self.decode_volume(logits)
        return {f'loss_{name}': module(hypotheses, marginals, target, weights)
                for name, module in self.loss_modules.items()}


def stack_labels(data_samples: Sequence, num_keypoints: int) -> tuple[Tensor, Tensor]:
    """Norm-frame labels (N, K, 3) and weights (N, K) of data samples, in float32 and where the samples hold them.

    A keypoint of weight 0 has the label 0, whatever the sample holds there: a NaN, times 0, would still be one in every
    gradient.

    Raises:
        ValueError: A sample without labels, or labels of another number of keypoints; the sample is named.
    """
    for sample in data_samples:
        labels = getattr(sample, 'gt_instance_labels', None)
        if labels is None or 'keypoint_norm' not in labels:
            raise ValueError(f'{sample.metainfo.get("img_path", "a sample")}: has no keypoint_norm label. A keypoint '
                             'loss was asked for: give it labelled (synthetic) samples, or with_labels=True')
        if labels.keypoint_norm.shape[-2] != num_keypoints:
            raise ValueError(f'{sample.metainfo.get("img_path", "a sample")}: {labels.keypoint_norm.shape[-2]} '
                             f'keypoints, but the head predicts {num_keypoints}: set head.num_keypoints and the data '
                             'set\'s skeleton to one skeleton')
    target = torch.cat([torch.as_tensor(s.gt_instance_labels.keypoint_norm) for s in data_samples])
    weights = torch.cat([torch.as_tensor(s.gt_instance_labels.keypoint_weights) for s in data_samples])
    target = torch.where(weights[..., None] == 0, 0.0, target)
    return target.float(), weights.float()
