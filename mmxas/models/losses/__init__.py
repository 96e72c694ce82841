"""Loss terms of the estimator, thin modules over the functions of ``mmxas.ops``.

Each has an attribute ``reads`` that says what it is called with; the term's weight is the stage's, not the module's:

* ``'labels'``: ``loss(hypotheses, marginals, target, weights)`` on synthetic samples: ``Hypotheses``, ``Marginals``
  (of ``mmxas.ops``), norm-frame keypoints (N, K, 3), weights (N, K). (SyntheticKeypointLoss, MarginalCrossEntropyLoss)
* ``'pose'``: ``loss(hypotheses)`` on targets. (SymmetryLoss)
* ``'mask'``: ``loss(drawn, body, masks)`` on targets: skeleton mask, physique network's output or None, ground truth,
  each (N, 1, m, m). Attributes ``skeleton_weight``, ``physique_weight`` (lambda_s, lambda_p). (MaskLoss)
* ``'critic'``: ``loss.generator(scores, valid)`` with scores (N, H), valid (N, H, K), and
  ``loss.discriminator(fake_scores, real_scores, valid)`` with (N, H), (M,), (N, H, K). (WTAAdversarialLoss)
"""
