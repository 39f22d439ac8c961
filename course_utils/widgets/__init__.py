"""Explorers: pictures that follow sliders. A pure function makes each picture, as text, from plain numbers.

One module an explorer; notebooks call them as `widgets.NAME`. The pictures are SVG inside an HTML widget: from slider
to picture this takes a fifth of what a matplotlib figure takes.
"""

from course_utils.widgets.anchors import anchors_svg, explore_anchors, show_anchors
from course_utils.widgets.annealing import annealing_svg, explore_annealing, show_annealing
from course_utils.widgets.annotation import annotation_svg, explore_annotation, show_annotation
from course_utils.widgets.attention import attention_svg, explore_attention, show_attention
from course_utils.widgets.bottleneck import bottleneck_svg, explore_bottleneck, show_bottleneck
from course_utils.widgets.canvas import still_picture
from course_utils.widgets.coarse import coarse_svg, explore_coarse, show_coarse
from course_utils.widgets.convolution import convolution_svg, explore_convolution, show_convolution
from course_utils.widgets.curtain import curtain_svg, explore_curtain, show_curtain
from course_utils.widgets.detector import detector_svg, explore_detector, show_detector
from course_utils.widgets.finetune import explore_finetune, finetune_svg, show_finetune
from course_utils.widgets.growing import growing_svg, show_growing
from course_utils.widgets.limbs import explore_limbs, limbs_svg, show_limbs
from course_utils.widgets.moved import explore_moved, moved_svg, show_moved
from course_utils.widgets.overlap import explore_overlap, overlap_svg, show_overlap
from course_utils.widgets.paths import explore_paths, paths_svg, show_paths
from course_utils.widgets.roi import explore_roi, roi_svg, show_roi
from course_utils.widgets.softmax import explore_softmax, show_softmax, softmax_svg
from course_utils.widgets.steps import explore_steps, show_steps, steps_svg
from course_utils.widgets.style import explore_style, show_style, style_svg
from course_utils.widgets.transposed import explore_transposed, show_transposed, transposed_svg
from course_utils.widgets.unet import explore_unet, show_unet, unet_svg

__all__ = [
    "anchors_svg",
    "annealing_svg",
    "annotation_svg",
    "attention_svg",
    "bottleneck_svg",
    "coarse_svg",
    "convolution_svg",
    "curtain_svg",
    "detector_svg",
    "explore_anchors",
    "explore_annealing",
    "explore_annotation",
    "explore_attention",
    "explore_bottleneck",
    "explore_coarse",
    "explore_convolution",
    "explore_curtain",
    "explore_detector",
    "explore_finetune",
    "explore_limbs",
    "explore_moved",
    "explore_overlap",
    "explore_paths",
    "explore_roi",
    "explore_softmax",
    "explore_steps",
    "explore_style",
    "explore_transposed",
    "explore_unet",
    "finetune_svg",
    "growing_svg",
    "limbs_svg",
    "moved_svg",
    "overlap_svg",
    "paths_svg",
    "roi_svg",
    "show_anchors",
    "show_annealing",
    "show_annotation",
    "show_attention",
    "show_bottleneck",
    "show_coarse",
    "show_convolution",
    "show_curtain",
    "show_detector",
    "show_finetune",
    "show_growing",
    "show_limbs",
    "show_moved",
    "show_overlap",
    "show_paths",
    "show_roi",
    "show_softmax",
    "show_steps",
    "show_style",
    "show_transposed",
    "show_unet",
    "softmax_svg",
    "steps_svg",
    "still_picture",
    "style_svg",
    "transposed_svg",
    "unet_svg",
]
