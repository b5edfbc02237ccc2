"""Notebooks of a Jupyter server: stored with pictures, opened again with the figures that still live.

A file must hold no widgets: whoever opens it later has no kernel that knows them. The server remembers
which there were, and puts them back while the process that made them still runs, as after a reload::

    jupyter lab --ServerApp.contents_manager_class=lenet_helpers.figures.contents.CourseContents
"""

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from .export import WIDGET, keep_stills


class CourseContents(AsyncLargeFileManager):
    """Saves stills for live figures; gives the figures back to a page that is loaded anew."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._live = {}  # path → {place of an output: its widget}

    def run_pre_save_hooks(self, model, path, **kwargs):
        """Called with what is about to be saved: its widgets are noted and taken out."""
        path = path.strip("/")
        self._live[path] = {place: data[WIDGET] for place, data in _outputs(model) if WIDGET in data}
        if "content" in model:  # else what is called next refuses it
            keep_stills(model)
        super().run_pre_save_hooks(model, path, **kwargs)

    async def get(self, path, content=True, type=None, format=None, require_hash=False):
        """A file as it is stored; in a notebook, each widget whose process still runs is put back."""
        model = await super().get(path, content=content, type=type, format=format, require_hash=require_hash)
        noted = self._live.get(path.strip("/"))
        if content and noted:
            running = await self._processes(path.strip("/"))
            for place, data in _outputs(model):
                if place in noted and running & set(noted[place].get("processes", ())):
                    data[WIDGET] = noted[place]
        return model

    async def _processes(self, path):
        """The processes of the kernels that the notebook at `path` has now."""
        server = self.parent
        found = set()
        for session in await server.session_manager.list_sessions():
            if session["path"].strip("/") == path and session.get("kernel"):
                kernel = server.kernel_manager.get_kernel(session["kernel"]["id"])
                found.add(getattr(kernel.provisioner, "pid", None))
        return found - {None}


def _outputs(model):
    """(place, data) of each output of a notebook's model; none of another file's."""
    if model.get("type") != "notebook" or "content" not in model:
        return
    for cell in model["content"].get("cells", []):
        for index, output in enumerate(cell.get("outputs", [])):
            if "data" in output:
                yield (cell.get("id"), cell.get("execution_count"), index), output["data"]
