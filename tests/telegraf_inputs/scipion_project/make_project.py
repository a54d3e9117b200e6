"""Make the project in this folder, with the packages that Scipion is made of, and note what they read of it.

    python -m venv env && env/bin/pip install scipion-pyworkflow==3.11.7 scipion-em==3.11.1    # 690 MB
    SCIPION_HOME=home SCIPION_USER_DATA=data TZ=Europe/Rome env/bin/python make_project.py FOLDER

``home/config/hosts.conf``, ``data/projects`` and ``data/logs`` have to be there. One run has a phase shift, one has not; so their
columns differ. One resolution is infinite.
"""

from __future__ import annotations

import json
import os
import sys

import pwem
import pyworkflow as pw
import pyworkflow.protocol.constants as states
from pwem.objects import Acquisition, CTFModel, Micrograph, SetOfCTF, SetOfMicrographs
from pwem.protocols import ProtCTFMicrographs, ProtImportMicrographs, ProtImportMovies
from pyworkflow.project import Manager

assert pwem.__version__
pw.Config.setDomain("pwem")
project = Manager().createProject("session", location=os.path.abspath(sys.argv[1]))
os.chdir(project.getPath())
taken = {"voltage": 300.0, "sphericalAberration": 2.7, "magnification": 105000, "samplingRate": 0.83}
acquisition = Acquisition(
    voltage=300, sphericalAberration=2.7, amplitudeContrast=0.1, magnification=105000, doseInitial=0, dosePerFrame=1.2
)


def begun(protocol, label):
    """Save a run, and make its folder."""
    protocol.setObjLabel(label)
    project.saveProtocol(protocol)
    protocol.makePathsAndClean()
    return protocol


def ended(protocol, status):
    """Note how a run is."""
    protocol.setStatus(status)
    project.mapper.store(protocol)
    project.mapper.commit()


begun(project.newProtocol(ProtImportMovies, **taken, dosePerFrame=1.2, filesPath="in", filesPattern="*.tif"), "movies")
imported = begun(
    project.newProtocol(ProtImportMicrographs, **taken, filesPath="in", filesPattern="*.mrc"), "micrographs"
)
micrographs = SetOfMicrographs(filename=imported._getPath("micrographs.sqlite"))
micrographs.setSamplingRate(0.83)
micrographs.setAcquisition(acquisition)
each = []
for number in range(1, 5):
    micrograph = Micrograph(location=imported._getExtraPath(f"mic_{number:04d}.mrc"))
    micrograph.setMicName(f"mic_{number:04d}.mrc")
    micrograph.setObjId(number)
    micrograph.setAcquisition(acquisition)
    micrograph.setSamplingRate(0.83)
    micrographs.append(micrograph)
    each.append(micrograph.clone())
micrographs.write()
imported._defineOutputs(outputMicrographs=micrographs)
ended(imported, states.STATUS_FINISHED)

read = {}
for label, phase in (("plain", None), ("phase plate", 90.5)):
    run = begun(project.newProtocol(ProtCTFMicrographs), label)
    file = run._getPath("ctfs.sqlite")
    ctfs = SetOfCTF(filename=file)
    for number, micrograph in enumerate(each, 1):
        ctf = CTFModel()
        ctf.setObjId(number)
        ctf.setStandardDefocus(12000 + 100 * number, 11800 + 90 * number, 33)
        ctf.setResolution(3.4 if number != 2 else float("inf"))
        ctf.setFitQuality(0.12)
        if phase is not None:
            ctf.setPhaseShift(phase)
        ctf.setPsdFile(run._getExtraPath(f"mic_{number:04d}_psd.mrc"))
        ctf.setMicrograph(micrograph)
        ctfs.append(ctf)
    ctfs.setMicrographs(micrographs)
    ctfs.write()
    run._defineOutputs(outputCTF=ctfs)
    ended(run, states.STATUS_RUNNING)
    again = SetOfCTF(filename=file)
    read[os.path.basename(run.getWorkingDir())] = [
        {
            "id": ctf.getObjId(),
            "creation": str(ctf.getObjCreation()),
            "defocus_u": ctf.getDefocusU(),
            "defocus_v": ctf.getDefocusV(),
            "defocus_angle": ctf.getDefocusAngle(),
            "resolution": str(ctf.getResolution()),
            "fit_quality": ctf.getFitQuality(),
            "phase_shift": ctf.getPhaseShift() if ctf.hasPhaseShift() else None,
            "micrograph": ctf.getMicrograph().getMicName(),
            "psd": ctf.getPsdFile(),
        }
        for ctf in again
    ]
with open("read_by_scipion.json", "w", encoding="utf-8") as out:
    json.dump(read, out, indent=1)
