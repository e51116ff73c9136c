from django.urls import path

from chat import views

urlpatterns = [
    path("", views.ChatView.as_view()),
    path("stream/", views.ChatStreamView.as_view()),
    path("conversation/<str:session_id>/", views.ConversationHistoryView.as_view()),
    path("conversation/<str:session_id>/clear/", views.ClearConversationView.as_view()),
    path("conversation/<str:session_id>/stop/", views.StopView.as_view()),
    path("conversation/<str:session_id>/regenerate/", views.RegenerateView.as_view()),
    path("conversation/<str:session_id>/stream/", views.JoinStreamView.as_view()),
    path("sessions/", views.UserSessionsView.as_view()),
    path("sessions/<str:session_id>/", views.SessionView.as_view()),
    path("training-data/", views.TrainingDataView.as_view()),
    path("training-data/<uuid:training_id>/", views.TrainingDataItemView.as_view()),
]
