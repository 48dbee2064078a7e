# An administrator logs in and finds the system sound, the endpoints answer, and after an upgrade of Test
# a call from the app is taken. Then the session timeout and the pipeline are put back as they were found.
@Verification
Feature: Verification and close-out
  VER-1: An administrator can log in and the system looks sound.
  VER-2: The service's endpoints answer as the Postman collection expects.
  VER-3: After a Test upgrade the BC Services Card app still makes a call, taken by somebody on the test queue in Genesys.
  VER-4: The session timeout is switched on again.
  VER-5: The start/stop pipeline is resumed.

  Background:
    Given Test runs version 38 and Production runs version 38
    And the package holds version 39.1

  @VER-1 @VER-2 @VER-4 @VER-5 @Test
  Scenario: After the upgrade the login works, nothing else has changed, and timeout and pipeline are as before
    When Test is upgraded
    Then the upgrade has ended as completed
    And the record of "Log in again" says "logged in"
    And the record of "Compare with the state before" says "checks pass"
    And the record of "Test the service's endpoints" says "checks pass"
    And these calls were made in this order, among others:
      | system       | call                          |
      | Pexip Test   | start the upgrade             |
      | Pexip Test   | switch the session timeout on |
      | Azure DevOps | resume the pipeline           |
    And the session timeout of Test is on
    And the session timeout of Production is on
    And the pipeline is enabled

  @VER-1 @Test
  Scenario: A platform that is not sound is not upgraded
    Given a Conferencing Node of Test is not in contact
    When Test is upgraded
    Then the upgrade stops at "Check that the platform is sound"
    And nothing has been changed on any system

  @VER-1 @Test
  Scenario: What is new after the upgrade is somebody's to explain
    Given when "Wait for the Management Node" begins, a new alarm is raised
    And nobody answers "Compare with the state before" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Compare with the state before"
    And the reason says "No licence is left"
    And the pipeline is paused

  @VER-2 @POL-4 @UPG-3 @Test
  Scenario: An impaired service keeps the upgrade from being closed, and the pipeline paused
    Given the VbV service is impaired for the next 1 check
    When Test is upgraded
    Then the upgrade stops at "Test the service's endpoints"
    And the reason says "service health"
    And the pipeline is paused
    And the pipeline's history names the run, the operator and the reason
    And these are still to be put back:
      | pipeline        |
      | session timeout |

  @VER-2 @POL-4 @Production
  Scenario: What is sound in Test and impaired in Production keeps Production's upgrade open
    Given Test has been upgraded in this way
    And the VbV service is impaired for the next 1 check
    When Production is upgraded
    Then the upgrade stops at "Test the service's endpoints"
    And the pipeline is paused
    And these are still to be put back:
      | pipeline        |
      | session timeout |

  @VER-2 @Test
  Scenario: The endpoints are tested again once the cause is found
    Given the VbV service is impaired for the next 1 check
    And the operator decides to retry after "Test the service's endpoints"
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: start the upgrade" was called 1 time

  @VER-3 @Test
  Scenario: The upgrade of Test is not over before somebody has taken a call
    Given nobody answers "Call from the BC Services Card app" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Call from the BC Services Card app"
    And the reason says "test queue in Genesys"
    And these are still to be put back:
      | pipeline        |
      | session timeout |

  @VER-4 @Test
  Scenario: It is looked up whether the session timeout is on when no proper answer arrives
    Given the answer to "Pexip Test: switch the session timeout on" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Pexip Test: switch the session timeout on" was called 1 time
    And the session timeout of Test is on

  @VER-4 @Test
  Scenario: An upgrade is not closed while the session timeout cannot be switched on
    Given "Pexip Test: switch the session timeout on" is answered 1 time with an error page
    When Test is upgraded
    Then the upgrade stops at "Put the session timeout back"
    And these are still to be put back:
      | pipeline        |
      | session timeout |

  @VER-5 @Test
  Scenario: It is looked up whether the pipeline was resumed when no proper answer arrives
    Given the answer to "Azure DevOps: resume the pipeline" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure DevOps: resume the pipeline" was called 1 time
    And the pipeline is enabled
    And nothing is left to put back

  @VER-5 @Test
  Scenario: A pipeline that a colleague had paused stays paused
    Given a colleague has paused the pipeline
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure DevOps: resume the pipeline" was called 0 times
    And the pipeline is paused

  @VER-5 @Test
  Scenario: A colleague's later decision about the pipeline is not overruled
    Given when "Upload the package" begins, a colleague disables the pipeline
    When Test is upgraded
    Then the upgrade stops at "Resume the start/stop pipeline"
    And the reason says "Kim Colleague"
    And the pipeline is disabled
    And "Azure DevOps: resume the pipeline" was called 0 times

  @VER-5 @Test
  Scenario: A pipeline that a colleague has resumed already needs no second resume
    Given when "Test the service's endpoints" begins, a colleague resumes the pipeline
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure DevOps: resume the pipeline" was called 0 times
    And the pipeline is enabled

  @VER-5 @SNAP-2 @Test
  Scenario: While the platform is being upgraded the pipeline is not resumed, whoever asks for it
    Given the installation of the package takes days
    And the workstation stops right after "Pexip Test: start the upgrade"
    And an upgrade of Test was begun
    When everything is put back for Test
    Then the reason says "the pipeline stays paused while an upgrade runs"
    And the pipeline is paused
    And the session timeout of Test is on
    And these are still to be put back:
      | pipeline |
