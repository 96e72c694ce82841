"""Head of the detector: maps features to heatmap volumes, and decodes these to several 3D poses (paper, section 3.2).

N: batch, K: keypoints, D: depth bins, H: hypotheses, (h, w): heatmap size, S: crop size in px.
"""
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmxas.models.batch_labels import sample_masks
from mmxas.ops import Decoding, Hypotheses, Marginals, norm_to_depth, norm_to_pixel, volume_marginals
from mmxas.ops.kernels.products import pointwise_convolution
from mmxas.ops.mask_share import mask_share
from mmxas.ops.zoom import NO_ZOOM, zoom_back
from mmxas.registry import KEYPOINT_CODECS, MODELS


def _upsampling(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    """Return a layer that doubles the resolution, as in integral pose regression: deconvolution, BN, ReLU."""
    if kernel not in (2, 3, 4):
        raise ValueError(f'deconv_kernel_sizes: {kernel} given, 2, 3 or 4 expected')
    padding, output_padding = {2: (0, 0), 3: (1, 1), 4: (1, 0)}[kernel]
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, kernel, stride=2, padding=padding,
                           output_padding=output_padding, bias=False),
        nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return a 3×3 convolution with BN and ReLU."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
                         nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class _ContiguousConvolution(nn.Conv2d):
    """1×1 convolution with contiguous output and a weight with contiguous strides."""

    def _apply(self, *args, **kwargs) -> nn.Module:
        # Channels-last only changes strides of axes of size 1. The weight's gradient would not follow, and
        # DistributedDataParallel would warn and copy it.
        super()._apply(*args, **kwargs)
        self.weight.data = self.weight.data.as_strided(self.weight.shape, (self.in_channels, 1, 1, 1))
        return self

    def forward(self, features: Tensor) -> Tensor:
        return pointwise_convolution(features, self.weight, self.bias)


@MODELS.register_module()
class MultiHypothesisHead(BaseHead):
    """Deconvolve features to K·D heatmaps, decoded to H poses from the peaks of depth heatmaps (eq. 2–6, 19).

    With the decoding options ``num_hypotheses=1, window=None`` it is the single-hypothesis detector of eq. 2.

    Args:
        in_channels: Channels of the feature map.
        num_keypoints: K, equal to the skeleton's. :class:`~mmxas.models.pose_estimators.XASPoseEstimator` sets it if
            the config does not.
        depth_bins: Number of depth bins, D. Defaults to 64.
        deconv_out_channels: Output channels of each deconvolution; empty for none. Defaults to (256, 256, 256).
        deconv_kernel_sizes: Kernel size of each deconvolution. Defaults to (4, 4, 4).
        conv_out_channels: Output channels of each following 3×3 convolution (with BN and ReLU). Defaults to none.
        decoder: Config of the codec that decodes the heatmaps, such as ``dict(type='NormCodec',
            decoding=dict(window=9))``; must equal the ``encoder`` of the pipeline. Defaults to None: the
            NormCodec with its own defaults.
        in_index: Index of the input feature map. Defaults to -1.
        contiguous_logits: Return contiguous heatmaps, which decode faster, even for channels-last features. Defaults
            to False: in the features' layout.
        init_cfg: Initialisation. Defaults to normal(std=0.001) for (de)convolutions, as in mmpose's heatmap heads.

    Raises:
        ValueError: The numbers of deconvolution channels and kernels differ, or an option of the codec is invalid.
    """

    def __init__(self, in_channels: int, num_keypoints: int, depth_bins: int = 64,
                 deconv_out_channels: Sequence[int] = (256, 256, 256), deconv_kernel_sizes: Sequence[int] = (4, 4, 4),
                 conv_out_channels: Sequence[int] = (), decoder: dict | None = None, in_index: int = -1,
                 contiguous_logits: bool = False, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg or self.default_init_cfg)
        if len(deconv_out_channels) != len(deconv_kernel_sizes):
            raise ValueError(f'{len(deconv_out_channels)} deconv_out_channels but {len(deconv_kernel_sizes)} '
                             'deconv_kernel_sizes: give one kernel for each deconvolution')
        self.decoder = KEYPOINT_CODECS.build(decoder or dict(type='NormCodec'))
        self.num_keypoints, self.depth_bins, self.in_index = num_keypoints, depth_bins, in_index
        widths = [in_channels, *deconv_out_channels]
        self.deconv_layers = nn.Sequential(*(
            _upsampling(i, o, k) for i, o, k in zip(widths[:-1], widths[1:], deconv_kernel_sizes, strict=True)))
        widths = [widths[-1], *conv_out_channels]
        self.conv_layers = nn.Sequential(*(
            _convolution(i, o) for i, o in zip(widths[:-1], widths[1:], strict=True)))
        last = _ContiguousConvolution if contiguous_logits else nn.Conv2d
        self.final_layer = last(widths[-1], num_keypoints * depth_bins, kernel_size=1)

    @property
    def align_corners(self) -> bool:
        """The codec's convention of crop-normalised coordinates."""
        return self.decoder.align_corners

    def decoding(self, test_cfg: Mapping | None = None) -> Decoding:
        """Return the decoding options: the codec's, updated by ``test_cfg.decoding``."""
        return self.decoder.decoding.changed((test_cfg or {}).get('decoding'))

    @property
    def default_init_cfg(self) -> list[dict]:
        """Normal initialisation (std 0.001) of convolutions, so that the initial heatmaps are almost flat."""
        return [dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001),
                dict(type='Constant', layer='BatchNorm2d', val=1)]

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Map features to heatmap logits (N, K·D, h, w)."""
        return self.final_layer(self.conv_layers(self.deconv_layers(feats[self.in_index])))

    def decode_volume(self, logits: Tensor, test_cfg: Mapping | None = None) -> tuple[Hypotheses, Marginals]:
        """Decode heatmap logits by the head's codec to crop-normalised hypotheses, the top-1 pose first.

        The marginals of the volume's softmax are returned too: they are expensive, and some losses need them.

        Args:
            logits: (N, K·D, h, w).
            test_cfg: An optional entry ``decoding`` overrides options of the codec. Defaults to None, as in training.
        """
        return self.decoder.decode(logits, self.num_keypoints, self.depth_bins, (test_cfg or {}).get('decoding'))

    def average_flipped(self, logits: Tensor, flipped: Tensor, flip_indices: Sequence[int] | Tensor) -> Tensor:
        """Return the mean of the probabilities of a crop's and its mirrored crop's volume, as logits (N, K·D, h, w).

        Averaging volumes instead of poses preserves the peaks of both views, hence the hypotheses.
        """
        shape = (logits.shape[0], self.num_keypoints, self.depth_bins, *logits.shape[-2:])
        indices = torch.as_tensor(flip_indices, device=logits.device)
        return self.average([logits, flipped.view(shape)[:, indices].flip(-1).reshape(logits.shape)])

    def average(self, volumes: Iterable[Tensor], weights: Iterable[Tensor] | None = None) -> Tensor:
        """Return the mean probabilities of several volumes as logits (N, K·D, h, w).

        Args:
            volumes: Logits (N, K·D, h, w). A generator saves memory, because only one volume is kept at a time.
            weights: (N, K) per volume. Defaults to None: equal weights.
        """
        def probabilities(logits: Tensor, weight: Tensor | None = None) -> Tensor:
            found = logits.float().view(logits.shape[0], self.num_keypoints, -1).softmax(-1)
            return (found if weight is None else found * weight.unsqueeze(-1)).view_as(logits)

        total = reduce(torch.add, map(probabilities, volumes, *([] if weights is None else [weights])))
        return total.clamp_min(torch.finfo(total.dtype).tiny).log()

    def predict(self, feats: Sequence, batch_data_samples: Sequence[PoseDataSample], test_cfg: dict | None = None
                ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Predict hypotheses in crop px and mm, as mmpose's ``pred_instances``.

        Args:
            feats: Feature maps of N crops per view, or with ``flip_test`` a pair of them (plain, mirrored). The views
                are those of ``zooms``, and with ``background='both'`` again those of ``zooms`` without background.
            batch_data_samples: N data samples; ``rect_3d_width`` in their meta information converts z to mm.
            test_cfg: ``flip_test``, ``zooms`` and ``background``; ``decoding``, which overrides the codec's options;
                ``output_depth_heatmaps``, which adds ``depth_heatmaps`` (1, K, D), and ``pred_fields.depth_heatmap``
                (K, 1, D).

        Returns:
            N ``InstanceData`` with ``keypoints`` (1, K, 3), ``keypoint_scores`` (1, K), ``keypoints_visible`` (1, K)
            of ones (the height of a peak does not measure visibility), ``hypotheses`` (1, H, K, 3),
            ``hypothesis_scores`` and ``hypothesis_valid`` (1, H, K), ``hypotheses_norm`` (1, H, K, 3) and
            ``depth_unit`` (``'mm'`` or ``'crop'``); with ``output_depth_heatmaps`` also N ``PixelData``.

        Raises:
            ValueError: ``flip_test`` is set, but the samples' meta information has no ``flip_indices``; or ``feats``
                belong to another number of views.
        """
        logits = self.test_volume(feats, batch_data_samples, test_cfg)
        return self.pack(self.decode_volume(logits, test_cfg)[0], batch_data_samples, test_cfg)

    def test_volume(self, feats: Sequence, batch_data_samples: Sequence[PoseDataSample], test_cfg: dict | None = None
                    ) -> Tensor:
        """Return the heatmap logits (N, K·D, h, w) for testing, averaged over all views.

        A segmenter can miss a part of the body, which the views without background then do not show. Their weight is
        therefore, per keypoint, the share of the heatmap of the views with background that lies inside the mask
        (:func:`~mmxas.ops.mask_share.mask_share`).

        Args:
            feats: As in :meth:`predict`.
            batch_data_samples: N data samples.
            test_cfg: ``flip_test``, ``zooms`` and ``background`` are used.

        Raises:
            ValueError: As in :meth:`predict`.
        """
        cfg, n = test_cfg or {}, len(batch_data_samples)
        flip_test, zooms, both = cfg.get('flip_test', False), cfg.get('zooms', NO_ZOOM), cfg.get('background') == 'both'
        flip_indices = batch_data_samples[0].metainfo.get('flip_indices')
        if flip_test and flip_indices is None:
            raise ValueError('model.test_cfg.flip_test: the samples have no flip_indices in their meta information; '
                             'take a data set that gives them, or flip_test=False')
        sides = feats if flip_test else [feats]
        crops, views = len(sides[0][self.in_index]), len(zooms) * (2 if both else 1)
        if crops != n * views:
            raise ValueError(f'features of {crops} crops, expected {n} for each of {views} views '
                             '(model.test_cfg.zooms, model.test_cfg.background)')
        if flip_test:  # copied to a GPU once, not per view
            flip_indices = torch.as_tensor(flip_indices, device=feats[0][self.in_index].device)

        def volume(view: int) -> Tensor:
            logits, *flipped = (self.forward([level[view * n:(view + 1) * n] for level in side]) for side in sides)
            return self.average_flipped(logits, flipped[0], flip_indices) if flipped else logits

        def zoomed(first: int) -> Tensor:
            """Average the views of all zooms, from view ``first`` on."""
            if len(zooms) == 1:
                return volume(first)
            shape = (self.num_keypoints, self.depth_bins)
            return self.average(zoom_back(volume(first + i).unflatten(1, shape), zoom, self.align_corners).flatten(1, 2)
                                for i, zoom in enumerate(zooms))

        whole = zoomed(0)
        if not both:
            return whole
        plane = volume_marginals(whole, self.num_keypoints, self.depth_bins, with_plane=True).plane
        share = mask_share(plane, sample_masks(batch_data_samples, plane.shape[-2:], plane))
        return self.average([whole, zoomed(len(zooms))], [torch.ones_like(share), share])

    def pack(self, result: Hypotheses, batch_data_samples: Sequence[PoseDataSample], test_cfg: dict | None = None
             ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Convert crop-normalised hypotheses to the output of :meth:`predict`.

        Args:
            result: Decoded hypotheses of N crops.
            batch_data_samples: N data samples.
            test_cfg: As in :meth:`predict`.
        """
        result = Hypotheses(*(x.detach().cpu() if x.dtype == torch.bool else x.detach().float().cpu() for x in result))
        instances = [self._to_instances(result, i, s.metainfo) for i, s in enumerate(batch_data_samples)]
        if not (test_cfg or {}).get('output_depth_heatmaps', False):
            return instances
        profiles = result.depth_heatmap
        for instance, profile in zip(instances, profiles, strict=True):  # mmpose drops fields when merging samples
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
        """Not implemented: ``XASPoseEstimator`` computes all losses, as configured by its ``losses``."""
        raise NotImplementedError('MultiHypothesisHead has no losses of its own: train it in an XASPoseEstimator, '
                                  "whose losses=dict(render=dict(type='SyntheticKeypointLoss')) is eq. 16")
