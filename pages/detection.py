"""Detection: boxes, classes and masks on a toy canvas, and what losses of boxes do."""

import streamlit as st

from pages.live import component
from pages.parts import detector, task_page
from playground.runs import supervisor
from playground.tasks.detection import TASK

page = task_page.begin("detection", TASK.name)
supervisor.service().questions.start_looking()

with st.sidebar:
    detector.chooser(page)
    task_page.settings(page)

task_page.head(page)
task_page.loss(page)

with st.container(key="panel-box-studio", gap="xsmall"):
    st.subheader("Box studio", anchor=False)
    component.box_studio("box-studio")
    with st.container(key="lesson-box-studio"):
        st.caption(
            "Drag the target, the box or a corner, then play: each loss takes the box downhill by "
            "itself. Apart, IoU stands still, GIoU grows the box until it reaches the target, DIoU "
            "and CIoU grow it less and take its centre straight there. Around the "
            "target GIoU is IoU, and the distance of the centres still tells DIoU where to go."
        )

task_page.curves(page)

with st.container(key="panel-canvases", gap="xsmall"):
    st.subheader("Test canvases", anchor=False)
    component.canvases("canvases", page.run_id, page.class_names)

with st.container(key="panel-placing", gap="xsmall"):
    st.subheader("Stage by stage", anchor=False)
    stages = "one" if page.spec is None else getattr(page.spec, "stages", "one")
    component.placing("placing", page.run_id, page.class_names, stages=stages)
    with st.container(key="lesson-placing"):
        st.caption(
            "From left to right as the network goes. One stage: each cell says whether an item's "
            "centre is in it, and a box; suppression leaves the surest. Two stages: anchors become "
            "proposals, each is cut out and looked at again, and what is left gets a mask."
        )

with st.container(key="panel-confusion", gap="xsmall"):
    st.subheader("Confusion of what was found", anchor=False)
    component.confusion("confusion", page.run_id, page.class_names)

with st.container(key="lesson-detection"):
    st.caption(
        "**Try it.** Lower b and see AP at IoU 0.5 to 0.95 fall before AP at 0.5 does; write "
        "iou_loss in place of giou_loss and watch the term of the boxes at the start. AP goes by "
        "COCO's rule: a detection is right if it overlaps a true box of its class, that none surer "
        "has taken, by at least the IoU that is asked for."
    )

task_page.network(page)
task_page.end(page)
